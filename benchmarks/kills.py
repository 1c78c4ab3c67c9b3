"""``python -m benchmarks.kills``: kill runs at random moments; does the next `dvc repro` end with the same bytes?

A whole project on a small table and a small BERT, in ``.bench/kills``: ``finetune``, ``teach`` and ``transfer`` run
once undisturbed. Then each kill starts from what lay there before its stage, runs ``dvc repro`` of that stage, kills
at a random moment (four of five in the stage's work, the fifth anywhere in its life, of which imports are much), and
lets ``dvc repro`` finish. Every file that the stage wrote and ``dvc.lock`` are compared with those of the undisturbed
run. Mostly SIGKILL, of the stage, of `dvc` alone or of both; some SIGTERM of the stage and Ctrl-C. ``taken up`` counts
the runs that went on from a checkpoint or a shard, ``lost`` is the time of both runs less that of the undisturbed one.
"""

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.scratch import scratch_folder
from benchmarks.tables import markdown_table, seconds
from pipeline.errors import GraftError
from tests.conftest import write_pretrained
from tests.project import Project, small, write_reviews

# The stages, by the folder that each writes.
STAGES = {
    "finetune@minilm": "models/teacher/minilm",
    "teach@minilm": "signals/minilm",
    "transfer@bilstm": "models/students/bilstm",
}
# What has to be there before a stage, beside those before it.
UPSTREAM = {"finetune@minilm": "tokenize@minilm", "transfer@bilstm": "vocabulary@minilm"}
# What is sent to whom, as often as they stand here.
WAYS = ("SIGKILL stage",) * 9 + ("SIGKILL dvc",) * 4 + ("SIGKILL both",) * 3 + ("SIGTERM stage", "SIGINT both") * 2

# Seconds until a run is taken to hang, and until what is left of a killed one counts as left for good.
TIMEOUT = 600.0
GONE = 30.0

# Moments that are tried until one ends a run that was not done yet.
TRIES = 8


@dataclass(frozen=True)
class Undisturbed:
    """A stage's run that nobody killed: what it wrote, how long `dvc repro`, the stage and its work took."""

    digests: dict[str, str]
    whole: float
    stage: float
    work: float


@dataclass(frozen=True)
class Killed:
    """One kill: its moment from the start of the stage or of its work, whether the bytes came out the same and the
    next run went on from a checkpoint, the seconds it cost, the seconds until the last process of the run was gone,
    and how many never went.
    """

    stage: str
    way: str
    moment: float
    identical: bool
    taken_up: bool
    lost: float
    gone: float
    left: int


def main(words: Sequence[str] | None = None) -> None:
    """Read the command line, kill, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description="Kill runs at random moments.")
    parser.add_argument("--kills", type=int, default=20, help="20 without it")
    parser.add_argument("--seed", type=int, default=0, help="of the moments; 0 without it")
    options = parser.parse_args(words)
    folder = scratch_folder("kills")
    shutil.rmtree(folder, ignore_errors=True)
    found = run_kills(folder, options.kills, options.seed)
    print(table(found))
    print(f"\n{sum(each.identical for each in found)} of {len(found)} identical")
    if not all(each.identical and not each.left for each in found):
        sys.exit("graft: kills: a killed run did not come out as the undisturbed one, or left a process behind")


@contextmanager
def heeding(*signals: signal.Signals) -> Iterator[None]:
    """Have what the block starts end on ``signals``, some of which `nohup` and a script's `&` have it ignore."""
    handlers = {number: signal.getsignal(number) for number in signals}
    for number, handler in handlers.items():
        if handler is signal.SIG_IGN:
            # A handler of one's own, unlike an ignored signal, is not passed on.
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@heeding(signal.SIGINT)
def run_kills(folder: Path, kills: int, seed: int, among: Sequence[str] = tuple(STAGES)) -> list[Killed]:
    """Build a project below ``folder``, run the stages ``among`` undisturbed, then kill them ``kills`` times.

    ``among`` is a beginning of ``STAGES``, each of which needs those before it.
    """
    before, undisturbed = _undisturbed(folder, among)
    source = random.Random(seed)
    stages = source.sample([among[at % len(among)] for at in range(kills)], kills)
    ways = source.sample((WAYS * (kills // len(WAYS) + 1))[:kills] if kills >= len(WAYS) else WAYS, kills)
    found = []
    for stage, way in zip(stages, ways, strict=True):
        found.append(_kill_in_time(before[stage], stage, way, undisturbed[stage], source))
        print(f"{len(found)}/{kills} {found[-1]}", file=sys.stderr, flush=True)
    return found


def table(found: Sequence[Killed]) -> str:
    """A row for each stage and one for all."""
    rows = []
    for name in (*STAGES, "all"):
        kills = [each for each in found if name in (each.stage, "all")]
        if kills:
            lost, gone = [each.lost for each in kills], max(each.gone for each in kills)
            same = f"{sum(each.identical for each in kills)} of {len(kills)}"
            left = str(sum(each.left for each in kills))
            taken = str(sum(each.taken_up for each in kills))
            rows.append([name, same, taken, seconds(median(lost)), seconds(max(lost)), seconds(gone), left])
    headings = ["killed", "identical", "taken up", "lost, median", "lost, at most", "gone within", "processes left"]
    return markdown_table(headings, rows)


def _undisturbed(folder: Path, stages: Sequence[str]) -> tuple[dict[str, Path], dict[str, Undisturbed]]:
    """Run the stages; return for each the project as it lay before it, and what it did."""
    (folder / "project").mkdir(parents=True)
    project = Project(folder / "project")
    write_reviews(project.folder / "reviews.csv", rows=320)
    write_pretrained(project.folder / "models/local/tiny")
    project.edit(small)
    project.edit(_lengthen)
    before, undisturbed = {}, {}
    for stage in stages:
        if upstream := UPSTREAM.get(stage):
            _check(project.dvc("repro", upstream))
        before[stage] = folder / stage.split("@")[0]
        shutil.copytree(project.folder, before[stage], symlinks=True)
        began = time.monotonic()
        with _repro(project.folder, stage) as dvc:
            process = _find_stage(dvc, stage)
            started = time.monotonic()
            _wait_for_work(project.folder, process)
            working = time.monotonic()
            psutil.wait_procs([process], timeout=TIMEOUT)
            own, work = time.monotonic() - started, time.monotonic() - working
            if dvc.wait(TIMEOUT):
                raise GraftError(f"{stage} ended with status {dvc.returncode} though nobody killed it")
        whole = time.monotonic() - began
        undisturbed[stage] = Undisturbed(_digests(project.folder, stage), whole, own, work)
        print(
            f"{stage}: {whole:.1f} s, {own:.1f} of them the stage's, {work:.1f} its work", file=sys.stderr, flush=True
        )
    return before, undisturbed


def _lengthen(values: Any) -> None:
    """Training enough that most moments lie in it."""
    values["transfer_set"]["copies"] = 6
    values["finetune"].update(epochs=20, evaluations=8)
    values["teach"].update(batch_tokens=64, shard_texts=200)
    values["budget"].update(steps=250, evaluations=8)
    values["transfer"]["phases"] = [
        {"share": 1.0, "losses": [{"name": "representation"}]},
        {"share": 2.0, "losses": [{"name": "logits_mse"}]},
    ]


def _kill_in_time(before: Path, stage: str, way: str, whole: Undisturbed, source: random.Random) -> Killed:
    """Kill a run of ``stage``; once more, at another moment, if it was done all the same."""
    for _ in range(TRIES):
        trial = before.with_name("trial")
        shutil.rmtree(trial, ignore_errors=True)
        shutil.copytree(before, trial, symlinks=True)
        anywhere = source.random() < 0.2
        moment = source.uniform(0, whole.stage if anywhere else whole.work)
        began = time.monotonic()
        with _repro(trial, stage) as dvc:
            process = _find_stage(dvc, stage)
            if not anywhere:
                _wait_for_work(trial, process)
            time.sleep(moment)
            if not process.is_running():
                continue
            _send(way, process, dvc)
            spent = time.monotonic() - began
            killed = time.monotonic()
            left = _left_in(trial)
            gone = time.monotonic() - killed
            if not left and dvc.wait(TIMEOUT) == 0:
                continue
        began = time.monotonic()
        log = trial.with_name("log.txt")
        read = log.stat().st_size
        with _repro(trial, stage) as dvc:
            status = dvc.wait(TIMEOUT)
        taken_up = re.search(rb"[1-9][\d,]* (of them in|from) an earlier run", log.read_bytes()[read:]) is not None
        lost = spent + time.monotonic() - began - whole.whole
        if status:
            print(f"{stage}: the run that should have finished ended with status {status}", file=sys.stderr)
        identical = not status and _digests(trial, stage) == whole.digests
        return Killed(stage, way, moment, identical, taken_up, lost, gone, left)
    raise GraftError(f"{way} ended none of {TRIES} runs of {stage} before they were done")


@contextmanager
def _repro(folder: Path, stage: str) -> Iterator[subprocess.Popen]:
    """`dvc repro` of ``stage`` in a session of its own; nothing of it is left behind the block."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    with (folder.parent / "log.txt").open("a") as log:
        dvc = subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro", stage],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield dvc
        finally:
            for process in _processes_in(folder):
                process.kill()
            dvc.wait()


def _find_stage(dvc: subprocess.Popen, stage: str) -> psutil.Process:
    """The process that works on ``stage``, as soon as there is one."""
    module = f"pipeline.stages.{stage.split('@')[0]}"
    ends = time.monotonic() + TIMEOUT
    while time.monotonic() < ends and dvc.poll() is None:
        try:
            for process in psutil.Process(dvc.pid).children(recursive=True):
                words = process.cmdline()
                if module in words and "-c" not in words:
                    return process
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.01)
    raise GraftError(f"`dvc repro {stage}` started no {module}; its output is in log.txt")


def _wait_for_work(folder: Path, stage: psutil.Process) -> None:
    """Wait until the stage has made the folder of its checkpoints, its imports behind it."""
    while not list(folder.glob(".checkpoints/*/*/.lock")) and stage.is_running():
        time.sleep(0.01)


def _send(way: str, stage: psutil.Process, dvc: subprocess.Popen) -> None:
    name, to = way.split()
    number = signal.Signals[name]
    if to == "both":
        os.killpg(dvc.pid, number)
    else:
        os.kill(stage.pid if to == "stage" else dvc.pid, number)


def _left_in(folder: Path) -> int:
    """Processes that still work in ``folder`` a few seconds after the kill; returns as soon as there are none."""
    ends = time.monotonic() + GONE
    while (left := len(_processes_in(folder))) and time.monotonic() < ends:
        time.sleep(0.05)
    return left


def _processes_in(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cwd", "status"]):
        if process.info["cwd"] == str(folder) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def _digests(folder: Path, stage: str) -> dict[str, str]:
    """The sha256 of ``dvc.lock`` and of every file of ``stage``, also of half-written ones beside them."""
    written = folder / STAGES[stage]
    files = [folder / "dvc.lock", *written.rglob("*"), *written.parent.glob(".partial-*")]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(files)
    }


def _check(done: subprocess.CompletedProcess) -> None:
    if done.returncode:
        raise GraftError(f"the undisturbed run failed: {done.stderr[-2000:]}")


if __name__ == "__main__":
    main()
