"""What the environment asks of a launch: processes, nodes, where they meet. No part of params.yaml or of `cmd`.

``GRAFT_PROCESSES``: processes on each node, a number, or ``gpu``: one for each GPU. ``GRAFT_NODES``: nodes, this one
among them. ``GRAFT_HEAD``: host and port of the node that `dvc repro` runs on, as the others reach it.
``GRAFT_JOIN_SECONDS``: how long to wait for them. ``GRAFT_LAUNCH``: a config file of Accelerate, which says the same
and more (FSDP); the other variables win over it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import GraftError

JOIN_SECONDS = 300.0


@dataclass(frozen=True)
class Launch:
    """``processes`` on each of ``nodes``, which meet at ``host``:``port`` (0: a free one) within ``join_seconds``.

    ``environment`` is what their ranks are given besides, on every node.
    """

    processes: int = 1
    nodes: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    join_seconds: float = JOIN_SECONDS
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def world(self) -> int:
        """How many ranks that makes."""
        return self.processes * self.nodes


def asked(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks for more than the one process that there is."""
    several = any(environ.get(name, "") not in ("", "1") for name in ("GRAFT_PROCESSES", "GRAFT_NODES"))
    return several or bool(environ.get("GRAFT_LAUNCH"))


def read_launch(environ: Mapping[str, str] = os.environ) -> Launch:
    """Return what ``environ`` asks for; raise GraftError for what cannot be."""
    launch = Launch()
    if file := environ.get("GRAFT_LAUNCH"):
        from pipeline.distributed.accelerate_file import read_accelerate_file

        launch = read_accelerate_file(Path(file))
    processes = _processes(environ["GRAFT_PROCESSES"]) if environ.get("GRAFT_PROCESSES") else launch.processes
    nodes = _number(environ, "GRAFT_NODES", launch.nodes)
    host, port = read_address(environ["GRAFT_HEAD"]) if environ.get("GRAFT_HEAD") else (launch.host, launch.port)
    if nodes > 1 and not port:
        raise GraftError(
            f"GRAFT_NODES={nodes} needs GRAFT_HEAD=HOST:PORT: this node's address, as others reach it, and a free port"
        )
    if nodes == 1:
        host, port = Launch.host, Launch.port
    join = float(_number(environ, "GRAFT_JOIN_SECONDS", round(launch.join_seconds)))
    return Launch(processes, nodes, host, port, join, launch.environment)


def read_address(text: str, where: str = "GRAFT_HEAD") -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``; raise GraftError, which names ``where`` it stands, for anything else."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise GraftError(f"{where} is {text!r}: expected HOST:PORT, such as 10.0.0.1:29600")
    return host.strip("[]"), int(port)


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name)
    if not text:
        return default
    if not text.isdigit() or int(text) < 1:
        raise GraftError(f"{name} is {text!r}: expected a whole number of 1 or more")
    return int(text)


def _processes(text: str) -> int:
    if text != "gpu":
        return _number({"GRAFT_PROCESSES": text}, "GRAFT_PROCESSES", 1)
    import torch

    if not torch.cuda.device_count():
        raise GraftError("GRAFT_PROCESSES is 'gpu', but this node has no GPU; give a number")
    return torch.cuda.device_count()
