"""Unfinished work that a killed run may take up again: where it lies and what it belongs to.

It lies outside of what DVC watches, under ``.checkpoints/`` of the repository that ``dvc`` was started in
(DVC names it in ``DVC_ROOT``), so that an experiment in a folder of its own finds it too. Of one stage there is
at most one folder, but for those that other processes work in, and those that this machine could go on from if it were
set up as it was.
"""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from pydantic import BaseModel

from pipeline.artifacts import write_json
from pipeline.training.division import device_batch
from pipeline.training.leftovers import left_elsewhere
from pipeline.training.machine import compiler, device, is_exact, use_bf16
from pipeline.training.ranks import is_main_rank, world_size
from pipeline.training.together import told_by_main, wait_for_all

PACKAGE = Path(__file__).parents[1]
LIBRARIES = ("torch", "transformers", "accelerate", "numpy", "tokenizers", "safetensors", "peft")

LOCK = ".lock"
SEAL = "whole.json"
MACHINE = "machine.json"

# Seconds to wait for a process that holds the same work: one that was killed lets go of it at once, one whose
# `dvc` was killed a moment later.
PATIENCE = 5.0


@contextmanager
def unfinished_work(
    stage: str, settings: Mapping[str, Any], inputs: Iterable[Path], any_world: bool = False
) -> Iterator[Path]:
    """Yield the folder of the unfinished work of ``stage``; keep it if the block fails, else delete it.

    ``settings`` are sections of params.yaml, or what JSON holds; those whose order counts come in a list. What
    ``stage`` left behind under other settings, inputs or code is deleted first, unless a process holds it; what it
    left on a machine set up otherwise is named, and deleted once this run has ended well. With ``any_world`` the work
    is the same for any number of processes. Of several, all must come in here, and all get the same folder.
    """
    if not is_main_rank():
        yield _root() / told_by_main(Path())
        wait_for_all()
        return
    work = _Work.of(stage, settings, inputs, any_world)
    folder = work.folder
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=PATIENCE)
    except Timeout:
        # Two experiments may ask for the same work at once; each does it.
        folder = folder.with_name(f"{folder.name}-{os.getpid()}")
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=PATIENCE)
        print(f"{stage}: another process does the same work; this one starts from nothing, in {folder}")
    try:
        others = [each for each in sorted(folder.parent.iterdir()) if each != folder]
        for other in others:
            if not work.is_left_elsewhere(other):
                _delete_unless_held(other)
        write_json(folder / MACHINE, {"work": work.digest, "machine": work.machine})
        told_by_main(folder.relative_to(_root()))
        yield folder
        wait_for_all()
        for each in others:
            _delete_unless_held(each)
        _delete(folder)
    finally:
        lock.release()


def checkpoint_folder(stage: str, settings: Mapping[str, Any], inputs: Iterable[Path], any_world: bool = False) -> Path:
    """The folder of the unfinished work of ``stage`` under exactly these settings, input files, code and machine.

    Anything that could change the result changes the folder's name, so no run takes up another's work.
    """
    return _Work.of(stage, settings, inputs, any_world).folder


def _root() -> Path:
    return Path(os.environ.get("DVC_ROOT", ".")) / ".checkpoints"


@dataclass(frozen=True)
class _Work:
    """The work of a stage: ``digest`` stands for its settings, inputs and code."""

    stage: str
    digest: str
    machine: dict[str, Any]

    @classmethod
    def of(cls, stage: str, settings: Mapping[str, Any], inputs: Iterable[Path], any_world: bool) -> "_Work":
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=BaseModel.model_dump).encode())
        for path in sorted([*_files(inputs), *PACKAGE.rglob("*.py")]):
            digest.update(str(path.name).encode())
            digest.update(_sha256(path))
        machine = _machine() | ({} if any_world else {"world_size": world_size(), "device_batch": device_batch()})
        return cls(stage, digest.hexdigest(), machine)

    @property
    def folder(self) -> Path:
        named = hashlib.sha256(json.dumps([self.digest, self.machine], sort_keys=True).encode())
        return _root() / self.stage / named.hexdigest()[:16]

    def is_left_elsewhere(self, other: Path) -> bool:
        """Whether ``other`` holds this work as a machine set up otherwise left it; then say how to go on with it."""
        try:
            told = json.loads((other / MACHINE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        if told["work"] != self.digest or told["machine"] == self.machine:
            return False
        if not any(path.name not in (LOCK, MACHINE) for path in other.iterdir()):
            return False
        print(f"{self.stage}: {left_elsewhere(other, told['machine'], self.machine)}", flush=True)
        return True


def _machine() -> dict[str, Any]:
    """What may change a result besides settings, inputs and code, and how the work is divided."""
    return {name: version(name) for name in LIBRARIES} | {
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if device().type == "cuda" else device().type,
        "processor": [platform.machine(), torch.backends.cpu.get_cpu_capability(), use_bf16("auto")],
        "kernels": "exact" if is_exact() else "fast",
        "compiler": compiler(),
    }


def _files(paths: Iterable[Path]) -> list[Path]:
    return [file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _delete_unless_held(folder: Path) -> None:
    lock = FileLock(folder / LOCK)
    # Another process may delete it at the same moment.
    with suppress(Timeout, FileNotFoundError), lock.acquire(blocking=False):
        _delete(folder)


def _delete(folder: Path) -> None:
    """Delete ``folder``; renamed first, for a half-deleted one must not be taken for what it was."""
    gone = folder.with_name(f".gone-{folder.name.removeprefix('.gone-')}")
    if folder != gone:
        shutil.rmtree(gone, ignore_errors=True)
        os.replace(folder, gone)
    shutil.rmtree(gone)


def seal(folder: Path) -> None:
    """Declare the files in ``folder`` whole: their digests are written last."""
    write_json(folder / SEAL, _digests(folder))


def is_whole(folder: Path) -> bool:
    """Whether ``folder`` was sealed and its files are still those that were."""
    try:
        sealed = json.loads((folder / SEAL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(sealed == _digests(folder))


def _digests(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != SEAL]
    return {str(path.relative_to(folder)): _sha256(path).hex() for path in files}
