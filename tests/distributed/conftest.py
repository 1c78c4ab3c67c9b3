"""A project whose one stage does what its word says, in as many processes as it is asked for."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from dvc.repo import Repo

from benchmarks.kills import heeding
from tests.closure import ROOT

# Named as a stage that may be distributed: others a head cannot have run.
STAGE = """
import os
from contextlib import nullcontext
from pathlib import Path
from pipeline.artifacts import publish
from pipeline.errors import GraftError
from pipeline.stages.entry import run

RANK = os.environ.get("RANK", "alone")

def main(name: str) -> None:
    Path(f"began-{RANK}").write_text(str(os.getpid()))
    if name == "fails" and RANK == "1":
        raise GraftError("the text is not to be had; fetch it")
    if name != "ends":
        from torch import distributed
        with publish(Path("out")) if RANK == "0" else nullcontext(Path(f"mine-{RANK}")) as partial:
            partial.mkdir()
            (partial / "half").touch()
            Path(f"works-{RANK}").touch()
            while True:
                distributed.barrier()
    threads = os.environ.get("OMP_NUM_THREADS")
    Path(f"ended-{RANK}").write_text(f"{RANK} of {os.environ.get('WORLD_SIZE')}, {threads} threads")

if __name__ == "__main__":
    run(main, distributed=True)
"""
DVC = """
stages:
  teach:
    foreach: [ends, fails, works]
    do: {cmd: "python3 -m pipeline.stages.teach ${item}", deps: [text.txt]}
"""

Start = Callable[..., subprocess.Popen]


@pytest.fixture(autouse=True)
def signals_heeded() -> Iterator[None]:
    with heeding(signal.SIGINT):
        yield


def write_project(folder: Path) -> Path:
    """A folder with a stage ``teach`` and the pipeline's other code beside it."""
    package = folder / "pipeline"
    package.mkdir(parents=True)
    (folder / "params.yaml").write_text("seed: 13\n")
    (folder / "text.txt").write_text("a text\n")
    (folder / "dvc.yaml").write_text(DVC)
    Repo.init(str(folder), no_scm=True).close()
    for path in (ROOT / "pipeline").iterdir():
        if path.name not in ("stages", "validation.py", "lineage", "training"):
            (package / path.name).symlink_to(path)
    for room in ("stages", "lineage", "training"):
        (package / room).mkdir()
        (package / room / "__init__.py").touch()
    # The real ones ask all of params.yaml and git, and import what takes longer than these tests.
    (package / "validation.py").write_text("def validate_file() -> None:\n    pass\n")
    (package / "lineage/provenance.py").write_text("def record(_: str) -> None:\n    pass\n")
    (package / "training/machine.py").write_text("THREADS = 2\n\ndef pin_threads() -> None:\n    pass\n")
    (package / "stages/entry.py").symlink_to(ROOT / "pipeline/stages/entry.py")
    (package / "stages/teach.py").write_text(STAGE)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a module in a folder; whatever of it, or of its ranks, is left at the end is killed and fails the test."""
    started: list[tuple[subprocess.Popen, Path]] = []

    def call(folder: Path, module: str, *words: str, **environment: str) -> subprocess.Popen:
        clean = {name: value for name, value in os.environ.items() if name not in ("DVC_ROOT", "OMP_NUM_THREADS")}
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=folder,
            env={**clean, "TMPDIR": str(folder.parent), **environment},  # one that is killed leaves its logs
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append((process, folder))
        return process

    yield call
    left = [each for _, folder in started for each in processes_in(folder)]
    for each in left:
        each.kill()
    assert not left


def processes_in(folder: Path) -> list[psutil.Process]:
    """The living processes that work in ``folder``."""
    found = psutil.process_iter(["cwd", "status"])
    return [each for each in found if each.info["cwd"] == str(folder) and each.info["status"] != psutil.STATUS_ZOMBIE]
