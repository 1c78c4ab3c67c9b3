"""``python -m benchmarks.nodes``: two nodes train together; then the link between them is cut, and mended.

Two network namespaces of this machine, with an address each, on a switch (a bridge): `dvc repro` runs in one,
`python -m pipeline.worker` in the other, one process each, on a tiny project in a folder that both see, in
``.bench/nodes``. Once they are left alone. Once the second one's cable is pulled after the first checkpoint of
``finetune``: both ends must end with their line within a minute; it is plugged in again, `dvc repro` goes on, and every
byte must be that of the run that was left alone. Needs Linux and root, for the namespaces.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.scratch import scratch_folder
from benchmarks.tables import seconds, text_table
from pipeline.errors import GraftError
from tests.conftest import write_pretrained
from tests.project import Project, small, write_reviews

TARGETS = ("evaluate_teacher", "teach@minilm")
CHECKPOINTS = ".checkpoints/finetune@minilm/*/checkpoint-*/whole.json"
WRITTEN = ("models/teacher/minilm", "signals/minilm", "metrics/teacher.json")
FIRST, SECOND, SWITCH = "graft-first", "graft-second", "graft-switch"
ADDRESSES = {FIRST: "10.77.0.1", SECOND: "10.77.0.2"}
HEAD = f"{ADDRESSES[FIRST]}:29600"

# Seconds until a run is taken to hang; in which both ends must have ended; that a worker whose cable is pulled waits.
TIMEOUT = 600.0
MINUTE = 60.0
PATIENCE = 30.0


@dataclass(frozen=True)
class Ended:
    """How one end of a run ended: status, seconds since the link was cut (or the start), its last line."""

    status: int
    seconds: float
    line: str


def main(words: Sequence[str] | None = None) -> None:
    """Run both ways and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nodes", description="Two nodes, and the link cut.")
    parser.parse_args(words)
    if reason := unable():
        sys.exit(f"graft: nodes: {reason}")
    folder = scratch_folder("nodes")
    shutil.rmtree(folder, ignore_errors=True)
    rows, identical = show(folder)
    print(text_table(["run", "end", "status", "after", "last line"], rows))
    print(f"\nwritten files identical to those of the run left alone: {'yes' if identical else 'no'}")
    if not identical:
        sys.exit("graft: nodes: the run that was cut did not end as the one that was left alone")


def unable() -> str:
    """Why namespaces cannot be had here; empty if they can."""
    if sys.platform != "linux" or shutil.which("ip") is None:
        return "network namespaces need Linux and the command ip"
    tried = _ip("netns", "add", FIRST, check=False)
    if tried.returncode:
        return f"network namespaces cannot be made here ({tried.stderr.strip()}); run it as root"
    _ip("netns", "del", FIRST)
    return ""


def show(folder: Path) -> tuple[list[list[str]], bool]:
    """Build a project below ``folder``; return the rows of the table, and whether the bytes came out the same."""
    (folder / "start").mkdir(parents=True)
    project = Project(folder / "start")
    write_reviews(project.folder / "reviews.csv", rows=320)
    write_pretrained(project.folder / "models/local/tiny")
    project.edit(small)
    project.edit(_lengthen)
    done = project.dvc("repro", "tokenize@minilm", "fetch_model@minilm")
    if done.returncode:
        raise GraftError(f"the project could not be built: {done.stderr[-1000:]}")
    environment = {name: value for name, value in project.environment.items() if name != "PYTHONPATH"}
    rows = []
    with two_nodes():
        shutil.copytree(project.folder, folder / "alone", symlinks=True)
        rows += _rows("left alone", *_run("left alone", folder / "alone", environment))
        shutil.copytree(project.folder, folder / "cut", symlinks=True)
        rows += _rows("cut", *_run("cut", folder / "cut", environment, cut=True))
        rows += _rows("mended", *_run("mended", folder / "cut", environment))
    digests = [_digests(folder / name) for name in ("alone", "cut")]
    return rows, digests[0] == digests[1]


@contextmanager
def two_nodes() -> Iterator[None]:
    """Two namespaces on a bridge; all is removed at the end."""
    try:
        _ip("link", "add", SWITCH, "type", "bridge")
        _ip("link", "set", SWITCH, "up")
        for node, address in ADDRESSES.items():
            _ip("netns", "add", node)
            _ip("link", "add", _port(node), "type", "veth", "peer", "name", "eth0", "netns", node)
            _ip("link", "set", _port(node), "master", SWITCH, "up")
            _ip("-n", node, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", node, "link", "set", "eth0", "up")
            _ip("-n", node, "link", "set", "lo", "up")
        yield
    finally:
        for node in ADDRESSES:
            _ip("netns", "del", node, check=False)
        _ip("link", "del", SWITCH, check=False)


def _port(node: str) -> str:
    return f"{node}0"[:15]


def plug(node: str, state: str) -> None:
    """Pull the cable of ``node`` at the switch (``down``), or plug it in (``up``)."""
    _ip("link", "set", _port(node), state)


def _run(run: str, folder: Path, environment: dict[str, str], cut: bool = False) -> tuple[Ended, Ended, str]:
    """`dvc repro` on the first node and a worker on the second; return how both ended, and what the worker said."""
    nodes = {"GRAFT_NODES": "2", "GRAFT_HEAD": HEAD}
    logs = {name: folder.parent / f"{run} {name}.log" for name in ("dvc", "worker", "home")}
    began = time.monotonic()
    patience = str(PATIENCE if cut else TIMEOUT)
    dvc = _start(FIRST, folder, environment | nodes, logs["dvc"], "dvc", "repro", *TARGETS)
    _wait_for(lambda: "waiting for 1 more node" in logs["dvc"].read_text(), dvc)
    worker = _start(SECOND, folder, environment, logs["worker"], "pipeline.worker", HEAD, "--patience", patience)
    try:
        if cut:
            _wait_for(lambda: any(folder.glob(CHECKPOINTS)), dvc)
            plug(SECOND, "down")
            began = time.monotonic()
        dvc.wait(TIMEOUT)
        head = Ended(dvc.returncode, time.monotonic() - began, _last(logs["dvc"]))
        if not cut:
            _start(FIRST, folder, environment | nodes, logs["home"], "pipeline.worker", "--end").wait(TIMEOUT)
        worker.wait(TIMEOUT)
        other = Ended(worker.returncode, time.monotonic() - began, _last(logs["worker"]))
    finally:
        for process in (dvc, worker):
            process.terminate()
        if cut:
            plug(SECOND, "up")
    return head, other, logs["worker"].read_text()


def _rows(run: str, head: Ended, other: Ended, said: str) -> list[list[str]]:
    """Two rows of the table; GraftError where a run did not go as it must."""
    stages = re.findall(r"^(\S+): 1 of 2 processes here", said, re.MULTILINE)
    print(f"{run}: the second node took part in {', '.join(stages) or 'nothing'}", file=sys.stderr, flush=True)
    if run == "cut":
        if max(head.seconds, other.seconds) > MINUTE or not head.status or not other.status:
            raise GraftError(f"an end did not end in time: {head}, {other}")
    elif head.status or other.status or not stages:
        raise GraftError(f"{run}: {head}, {other}")
    return [
        [run, end, str(each.status), seconds(each.seconds), each.line]
        for end, each in (("dvc repro", head), ("worker", other))
    ]


def _wait_for(condition: Callable[[], bool], dvc: subprocess.Popen) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end or dvc.poll() is not None:
            raise GraftError("`dvc repro` ended, or hangs, before it could be looked at; .bench/nodes has its log")
        time.sleep(0.1)


def _start(node: str, folder: Path, environment: dict[str, str], log: Path, *module: str) -> subprocess.Popen:
    with log.open("w") as stream:
        return subprocess.Popen(
            _in(node, "python3", "-m", *module),
            cwd=folder,
            env=environment | {"GRAFT_NODE_NAME": node},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )


def _in(node: str, *command: str) -> list[str]:
    return ["ip", "netns", "exec", node, *command]


def _last(log: Path) -> str:
    """The last line that tells of a fault, else of a stage."""
    lines = log.read_text().splitlines()
    for telling in ("graft: ", r"^\S+@\S+: ", ""):
        if found := [match[0] for match in (re.search(f"{telling}.*", line) for line in lines) if match]:
            return found[-1]
    return "nothing"


def _digests(folder: Path) -> dict[str, str]:
    files = [
        path for name in WRITTEN for path in sorted([folder / name, *(folder / name).rglob("*")]) if path.is_file()
    ]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _lengthen(values: Any) -> None:
    """Training enough that there is something to cut."""
    values["finetune"].update(epochs=40, evaluations=10)


def _ip(*words: str, check: bool = True) -> subprocess.CompletedProcess:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, env=os.environ, check=False)
    if check and done.returncode:
        raise GraftError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done


if __name__ == "__main__":
    try:
        main()
    except GraftError as error:
        sys.exit(f"graft: nodes: {error}")
