"""Where benchmarks keep what they build: ``.bench/``, which neither git nor DVC looks into."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.artifacts import publish, write_text
from pipeline.errors import GraftError

ROOT = Path(__file__).parents[1]


def with_code() -> dict[str, str]:
    """The environment of a process that runs this repository's modules in another folder."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}


def scratch_folder(name: str) -> Path:
    """Return ``.bench/name``, which need not exist yet."""
    root = Path(".bench").resolve()
    if not (root / ".gitignore").exists():
        write_text(root / ".gitignore", "*\n")
    return root / name


def install_apart(name: str, packages: Sequence[str]) -> Path:
    """Install ``packages`` alone, without what they need, to ``.bench/name``, for processes with that on their path.

    Done once. Raises GraftError if pip cannot.
    """
    folder = scratch_folder(name)
    if not folder.exists():
        with publish(folder) as partial:
            words = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", str(partial), *packages]
            if subprocess.run([sys.executable, *words], stdout=sys.stderr, check=False).returncode:
                raise GraftError(f"pip could not install {', '.join(packages)}; look at its message above")
    return folder
