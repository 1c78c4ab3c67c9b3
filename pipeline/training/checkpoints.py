"""Unfinished work that a killed run may take up again: where it lies and what it belongs to.

It lies outside of what DVC watches, under ``.checkpoints/`` of the repository that ``dvc`` was started in
(DVC names it in ``DVC_ROOT``), so that an experiment in a folder of its own finds it too.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

PACKAGE = Path(__file__).parents[1]
LIBRARIES = ("torch", "transformers", "accelerate", "numpy", "tokenizers")


def checkpoint_folder(stage: str, settings: Mapping[str, Any], inputs: Iterable[Path]) -> Path:
    """The folder of the unfinished work of ``stage`` under exactly these settings, input files, code and libraries.

    Anything that could change the result changes the folder's name, so no run takes up another's work.
    """
    digest = hashlib.sha256()
    machine = {name: version(name) for name in LIBRARIES} | {"threads": torch.get_num_threads()}
    digest.update(json.dumps([settings, machine], sort_keys=True, default=str).encode())
    for path in sorted([*_files(inputs), *PACKAGE.rglob("*.py")]):
        digest.update(str(path.name).encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return Path(os.environ.get("DVC_ROOT", ".")) / ".checkpoints" / stage / digest.hexdigest()[:16]


def _files(paths: Iterable[Path]) -> list[Path]:
    return [file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
