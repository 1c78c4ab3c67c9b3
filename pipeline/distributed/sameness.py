"""Whether two nodes hold the same code, settings, inputs and libraries for a stage, and what differs first."""

import hashlib
import json
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo
from ruamel.yaml import YAML

from pipeline.errors import GraftError

PACKAGE = Path(__file__).parents[1]
# Those of checkpoints.LIBRARIES, which would load torch and the trainer before a node has joined.
LIBRARIES = ("torch", "transformers", "accelerate", "numpy", "tokenizers", "safetensors", "peft")
MISSING = "missing"

Held = dict[str, dict[str, str]]


def describe(stage: str) -> Held:
    """What this node holds for ``stage``, as DVC calls it: a digest or a value of each thing, by its kind."""
    code = {
        path.relative_to(PACKAGE.parent).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted(PACKAGE.rglob("*.py"))
    }
    settings = YAML(typ="safe", pure=True).load(Path("params.yaml").read_text(encoding="utf-8"))
    return {
        "code": code,
        "setting": {name: json.dumps(value) for name, value in _leaves(settings)},
        "library": {name: _version(name) for name in LIBRARIES} | {"python": platform.python_version()},
        "input": _inputs(stage),
    }


def first_difference(head: Held, here: Held, name: str) -> str:
    """What differs first between the ``head``, which is called ``name``, and this node; empty if nothing does."""
    for kind, held in head.items():
        for thing in sorted(held.keys() | here[kind].keys()):
            ours, theirs = (each.get(thing, MISSING) for each in (here[kind], held))
            if ours != theirs:
                if kind in ("code", "input"):  # a digest tells a person nothing
                    values = f"missing {'here' if ours == MISSING else f'on {name}'}"
                    values = values if MISSING in (ours, theirs) else f"not that of {name}"
                else:
                    values = f"{ours} here, {theirs} on {name}"
                return f"{kind} {thing} is {values}; give this node what the head has"
    return ""


def _inputs(stage: str) -> dict[str, str]:
    """The hashes that DVC knows the stage's inputs by; it remembers those of files that have not changed."""
    try:
        with Repo() as repo:
            deps = repo.stage.load_one("dvc.yaml", stage).deps
            data = [dep for dep in deps if not getattr(dep, "params", None)]
            data = [dep for dep in data if not dep.def_path.startswith("pipeline/")]
            return {dep.def_path: dep.get_hash().value if dep.exists else MISSING for dep in data}
    except DvcException as error:
        raise GraftError(f"dvc cannot tell what {stage} reads: {str(error).splitlines()[0]}") from None


def _leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return MISSING
