"""The ranks of one node: processes of one stage, started and watched by torch's own launcher of them."""

import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std, start_processes
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from pipeline.distributed.rank import found_another_gone
from pipeline.interruption import LAUNCHER

# The room of the stages, none of which is imported here: each is a process.
STAGES = f"{__name__.partition('.')[0]}.stages"

# Seconds that ranks which are told to end may clear up.
PATIENCE = 5


@dataclass(frozen=True)
class Failure:
    """The rank that ended, on which node, why; ``followed`` if it may only have found that another one was gone."""

    rank: int
    node: str
    why: str
    followed: bool

    def told(self) -> dict[str, Any]:
        """The same as JSON holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Place:
    """Where one node stands in a job: its number, its ranks, and where all meet."""

    node: int
    nodes: int
    processes: int
    host: str
    port: int

    def environment(self, local: int) -> dict[str, str]:
        """What the rank ``local`` of this node finds in its environment, as torch's launcher would say it."""
        world = self.nodes * self.processes
        return {
            "RANK": str(self.node * self.processes + local),
            "WORLD_SIZE": str(world),
            "LOCAL_RANK": str(local),
            "LOCAL_WORLD_SIZE": str(self.processes),
            "GROUP_RANK": str(self.node),
            "GROUP_WORLD_SIZE": str(self.nodes),
            "MASTER_ADDR": self.host,
            "MASTER_PORT": str(self.port),
            # The store is there already, in the head's launcher.
            "TORCHELASTIC_USE_AGENT_STORE": "True",
            "TORCHELASTIC_RESTART_COUNT": "0",
            "TORCHELASTIC_RUN_ID": "graft",
            LAUNCHER: str(os.getpid()),
        }


class Ranks:
    """The ranks of ``stage`` with its ``words`` at ``place``; they end with the block."""

    def __init__(self, stage: str, words: Sequence[str], place: Place, environment: Mapping[str, str]) -> None:
        # Its word at every signal that it sends; who ended and why is said here, in one line.
        logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
        # The launcher of a stage heeds signals already; torch's handlers would end it without clearing up.
        os.environ["TORCHELASTIC_SIGNALS_TO_HANDLE"] = "SIGQUIT"
        self._place = place
        self._logs = TemporaryDirectory(prefix="graft-ranks-")
        locals_ = range(place.processes)
        quiet = {local: Std.ALL for local in locals_ if place.node or local}
        self._context: Any = start_processes(
            name=stage,
            entrypoint=sys.executable,
            args=dict.fromkeys(locals_, ("-m", f"{STAGES}.{stage}", *words)),
            envs={local: {**environment, **place.environment(local)} for local in locals_},
            logs_specs=DefaultLogsSpecs(log_dir=self._logs.name, redirects=quiet),
        )

    def __enter__(self) -> "Ranks":
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close(signal.SIGTERM, PATIENCE)
        self._logs.cleanup()

    def done(self) -> bool:
        """Whether all have ended well."""
        return all(status == 0 for status in self._statuses().values())

    def failures(self) -> list[Failure]:
        """Those that have ended ill; none while all work. What is left of them is ended first."""
        failed = [local for local, status in self._statuses().items() if status]
        if not failed:
            return []
        self._context.close(signal.SIGTERM, PATIENCE)
        statuses = self._statuses()
        return [self._failure(local, statuses[local] or 0) for local in failed]

    def _statuses(self) -> dict[int, int | None]:
        return {local: each.proc.poll() for local, each in self._context.subprocess_handlers.items()}

    def _failure(self, local: int, status: int) -> Failure:
        rank = int(self._place.environment(local)["RANK"])
        why = self._why(local, status)
        return Failure(rank, node_name(), why, followed=found_another_gone(why))

    def _why(self, local: int, status: int) -> str:
        """The line of a rank's error that says most: the exception, or the last one it wrote."""
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        recorded = ProcessFailure(local, 0, status, self._context.error_files[local])
        if isinstance(recorded.message, dict):
            return str(recorded.message["message"]).strip().partition("\n")[0].removeprefix("GraftError: ")
        log = self._context.stderrs[local]
        said = _last_line(Path(log).read_text(encoding="utf-8", errors="replace")) if log else ""
        return said or f"ended with status {status}"

    def said(self, rank: int) -> str:
        """What ``rank`` wrote to its stderr where nobody saw it; empty for one of another node."""
        log = self._context.stderrs.get(rank - self._place.node * self._place.processes)
        return Path(log).read_text(encoding="utf-8", errors="replace") if log else ""


def node_name() -> str:
    """How this node is called in what the others say of it."""
    return os.environ.get("GRAFT_NODE_NAME") or socket.gethostname()


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
