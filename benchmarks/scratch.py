"""Where benchmarks keep what they build: ``.bench/``, which neither git nor DVC looks into."""

from pathlib import Path

from pipeline.artifacts import write_text


def scratch_folder(name: str) -> Path:
    """Return ``.bench/name``, which need not exist yet."""
    root = Path(".bench").resolve()
    if not (root / ".gitignore").exists():
        write_text(root / ".gitignore", "*\n")
    return root / name
