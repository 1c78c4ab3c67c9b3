"""A stage in several processes on one node: as many as asked for, and one line where one of them dies."""

import os
import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.distributed.conftest import Start, processes_in

pytestmark = pytest.mark.slow

PROCESSES = {"GRAFT_PROCESSES": "2"}


def wait_for(*paths: Path) -> None:
    end = time.monotonic() + 120
    while not all(path.exists() for path in paths):
        assert time.monotonic() < end, paths
        time.sleep(0.05)


def test_the_world_is_what_was_asked_for(project: Path, start: Start) -> None:
    (project / "launch.yaml").write_text("distributed_type: MULTI_CPU\nnum_processes: 2\nuse_cpu: true\n")
    one = start(project, "pipeline.stages.teach", "ends", GRAFT_LAUNCH="launch.yaml")
    said, error = one.communicate(timeout=120)
    assert one.returncode == 0, error
    threads = max(1, min(2, len(os.sched_getaffinity(0)) // 2))
    assert said == f"teach@ends: 2 processes, {threads} thread(s) each\n"
    for rank in "01":
        assert (project / f"ended-{rank}").read_text() == f"{rank} of 2, {threads} threads"


def test_a_rank_that_is_killed_ends_the_others_with_one_line(project: Path, start: Start) -> None:
    launcher = start(project, "pipeline.stages.teach", "works", OMP_NUM_THREADS="3", **PROCESSES)
    wait_for(project / "works-0", project / "works-1")
    os.kill(int((project / "began-1").read_text()), signal.SIGKILL)
    said, error = launcher.communicate(timeout=60)
    assert said.endswith(" 2 processes, 3 thread(s) each\n")
    lines = [line for line in error.splitlines() if line.startswith("graft: ")]
    pattern = r"graft: teach@works: rank 1 of 2 on \S+: killed by SIGKILL; `dvc repro` takes it up again"
    assert len(lines) == 1
    assert re.fullmatch(pattern, lines[0])
    assert launcher.returncode == 1
    assert not list(project.glob("*out*"))


def test_ranks_do_not_outlive_their_launcher(project: Path, start: Start) -> None:
    launcher = start(project, "pipeline.stages.teach", "works", **PROCESSES)
    wait_for(project / "works-0", project / "works-1")
    launcher.kill()
    launcher.communicate()
    assert not psutil.wait_procs(processes_in(project), timeout=30)[1]


def test_a_signal_ends_all_with_one_line(project: Path, start: Start) -> None:
    launcher = start(project, "pipeline.stages.teach", "works", **PROCESSES)
    wait_for(project / "works-0", project / "works-1")
    launcher.send_signal(signal.SIGINT)
    error = launcher.communicate(timeout=60)[1]
    assert "graft: teach@works: ended by SIGINT; `dvc repro` takes it up again" in error.splitlines()
    assert launcher.returncode == 130
    assert not list(project.glob("*out*"))
