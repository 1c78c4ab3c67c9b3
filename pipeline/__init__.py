"""Graft: cross-architecture transfer learning on language tasks, as a reproducible pipeline."""

import os
import sys
from pathlib import Path


def _enter_environment() -> None:
    """Start again inside .venv if DVC started the stage with the system's Python.

    `.venv/bin/dvc repro` calls `python3` from the PATH, which without an activated environment is one
    that lacks the project's packages. An active environment of any kind is left as it is.
    """
    python = Path(os.environ.get("DVC_ROOT", "")) / ".venv" / "bin" / "python"
    active = sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ
    if "DVC_ROOT" in os.environ and not active and python.exists():
        os.execv(python, [str(python), *sys.orig_argv[1:]])


def _guard_stage() -> None:
    """Take charge of a stage's end before the stage's own imports, which take seconds."""
    words = sys.orig_argv
    at = words.index("-m") + 1 if "-m" in words else len(words)
    if at < len(words) and words[at].startswith(f"{__name__}.stages."):
        from pipeline.interruption import guard_start

        guard_start("@".join([words[at].rsplit(".", 1)[1], *words[at + 1 :]]))


_enter_environment()
_guard_stage()
