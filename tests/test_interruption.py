"""A stage that is told to end does so with one line and without leaving half a file; none outlives its ``dvc``."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks.kills import heeding
from tests.closure import ROOT

# A stage by name and by its way of starting, whose work is to write a file slowly.
STAGE = """
import time
from pathlib import Path
from pipeline.artifacts import publish
from pipeline.stages.entry import run

def main() -> None:
    with publish(Path("out")) as partial:
        partial.mkdir()
        (partial / "half").touch()
        Path("began").touch()
        for _ in range(600):
            time.sleep(0.1)

if __name__ == "__main__":
    run(main)
"""
# A stage that does not get done with clearing up.
STUCK = """
import time
from pathlib import Path
from pipeline.stages.entry import run

def main() -> None:
    try:
        Path("began").touch()
        time.sleep(60)
    finally:
        Path("clearing").touch()
        time.sleep(60)

if __name__ == "__main__":
    run(main)
"""
# What a stage does before it can do anything: its imports.
SLOW_IMPORT = "import time\nfrom pathlib import Path\nPath('began').touch()\ntime.sleep(60)\n"


@pytest.fixture(autouse=True)
def signals_heeded() -> Iterator[None]:
    with heeding(signal.SIGINT, signal.SIGHUP):
        yield


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a stage ``slow`` and the pipeline's other code beside it."""
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    package = tmp_path / "pipeline"
    package.mkdir()
    for path in (ROOT / "pipeline").iterdir():
        if path.name not in ("stages", "validation.py"):
            (package / path.name).symlink_to(path)
    # The real one imports torch, which takes longer than all of these tests.
    (package / "validation.py").write_text("def validate_file() -> None:\n    pass\n")
    (package / "stages").mkdir()
    (package / "stages/__init__.py").touch()
    (package / "stages/entry.py").symlink_to(ROOT / "pipeline/stages/entry.py")
    (package / "stages/slow.py").write_text(STAGE)
    return tmp_path


def start(project: Path, *command: str, **environment: str) -> subprocess.Popen:
    process = subprocess.Popen(
        command,
        cwd=project,
        env={key: value for key, value in os.environ.items() if key != "DVC_ROOT"} | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (project / "began").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    return process


WORK = (sys.executable, "-m", "pipeline.stages.slow")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_with_one_line_and_nothing_half_written(project: Path, number: signal.Signals) -> None:
    process = start(project, *WORK)
    process.send_signal(number)
    assert process.communicate(timeout=20)[1] == f"graft: slow: ended by {number.name}; `dvc repro` takes it up again\n"
    assert process.returncode == 128 + number
    assert sorted(path.name for path in project.iterdir()) == ["began", "params.yaml", "pipeline"]


def test_a_signal_during_the_imports_gets_its_line_too(project: Path) -> None:
    (project / "pipeline/stages/slow.py").write_text(SLOW_IMPORT)
    process = start(project, *WORK)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20)[1] == "graft: slow: ended by SIGINT; `dvc repro` takes it up again\n"
    assert process.returncode == 130


def test_a_second_signal_ends_it_at_once(project: Path) -> None:
    (project / "pipeline/stages/slow.py").write_text(STUCK)
    process = start(project, *WORK)
    process.send_signal(signal.SIGINT)
    while not (project / "clearing").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGINT


def test_a_signal_that_the_shell_has_set_aside_stays_so(project: Path) -> None:
    # What `nohup` does.
    process = start(project, "sh", "-c", f'trap "" HUP; exec "{sys.executable}" -m pipeline.stages.slow')
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert "ended by SIGTERM" in process.communicate(timeout=20)[1]


@pytest.fixture
def starter() -> str:
    """What `dvc` does: start the stage and wait."""
    return f"import subprocess; subprocess.run({list(WORK)})"


@pytest.fixture
def shell_between() -> str:
    """A shell that stays, as some do, between `dvc` and the stage."""
    return f"import subprocess; subprocess.run(['sh', '-c', '{' '.join(WORK)}; true'])"


@pytest.fixture(autouse=True)
def nothing_left(project: Path) -> Iterator[None]:
    yield
    for process in stages_in(project):
        process.kill()
        pytest.fail(f"{process} was left")


def stages_in(project: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        if process.info["cwd"] == str(project) and "pipeline.stages.slow" in (process.info["cmdline"] or []):
            found.append(process)
    return found


@pytest.mark.parametrize("between", ["starter", "shell_between"])
def test_a_stage_whose_dvc_is_killed_ends_itself(project: Path, between: str, request: pytest.FixtureRequest) -> None:
    dvc = start(project, sys.executable, "-c", request.getfixturevalue(between), DVC_ROOT=str(project))
    stages = stages_in(project)
    assert len(stages) == 1
    dvc.kill()
    _, alive = psutil.wait_procs(stages, timeout=10)
    assert not alive
    assert not list(project.glob(".partial-*"))
    assert "slow: ended by SIGTERM" in dvc.communicate()[1]


def test_a_stage_whose_dvc_is_killed_during_its_imports_ends_too(project: Path, starter: str) -> None:
    (project / "pipeline/stages/slow.py").write_text(SLOW_IMPORT)
    dvc = start(project, sys.executable, "-c", starter, DVC_ROOT=str(project))
    stages = stages_in(project)
    dvc.kill()
    assert not psutil.wait_procs(stages, timeout=10)[1]
    dvc.communicate()


@pytest.fixture
def adopting() -> Iterator[None]:
    """This process takes over what its children leave, in the session that the stage is in too."""
    subreaper = 36  # PR_SET_CHILD_SUBREAPER, prctl(2)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(subreaper, 1, 0, 0, 0)
    yield
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(subreaper, 0, 0, 0, 0)


@pytest.mark.usefixtures("adopting")
def test_a_stage_ends_too_where_another_process_of_its_session_takes_it_over(project: Path, starter: str) -> None:
    (project / "pipeline/stages/slow.py").write_text(SLOW_IMPORT)
    dvc = start(project, sys.executable, "-c", starter, DVC_ROOT=str(project))
    stages = stages_in(project)
    dvc.kill()
    assert not psutil.wait_procs(stages, timeout=10)[1]
    dvc.communicate()


def test_a_stage_whose_dvc_was_gone_before_it_could_look_ends_too(project: Path) -> None:
    # The stage is started in a session that its parent, here the test, is not in: so is one that was adopted.
    stage = subprocess.Popen(
        WORK, cwd=project, env=os.environ | {"DVC_ROOT": str(project)}, start_new_session=True, stderr=subprocess.PIPE
    )
    assert b"slow: ended by SIGTERM" in stage.communicate(timeout=20)[1]


def test_a_stage_that_no_dvc_started_lives_on_without_its_shell(project: Path, starter: str) -> None:
    shell = start(project, sys.executable, "-c", starter)
    (stage,) = stages_in(project)
    shell.kill()
    time.sleep(2.5)
    assert stage.is_running()
    stage.terminate()
    assert not psutil.wait_procs([stage], timeout=10)[1]
    shell.communicate()
