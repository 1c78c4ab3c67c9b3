"""Where a result came from: ``provenance/STAGE.json``, beside the artifacts and outside of what DVC hashes.

A stage writes it after it has ended well: versions of Python and the libraries, processor, threads, number of
processes, the commit of the code and whether files differed from it. It names no path, no user and no host, holds
none of the environment's variables and no address of a remote, so it can be shared. What came from DVC's cache or a
remote has the record of the run that was last made here, or none.
"""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.artifacts import write_json

FOLDER = Path("provenance")
LIBRARIES = (
    "accelerate", "datasets", "dvc", "numpy", "pandas", "pyarrow", "safetensors", "scikit-learn", "scipy",
    "tokenizers", "torch", "transformers",
)  # fmt: skip


def record(command: str) -> None:
    """Write the record of the stage that DVC runs, or of ``command`` (``evaluate@static``) where DVC runs none."""
    if os.environ.get("RANK", "0") == "0":
        stage = os.environ.get("DVC_STAGE") or command
        write_json(FOLDER / f"{stage.replace('/', '@')}.json", describe())


def describe() -> dict[str, Any]:
    """Return what is known of this process, of the machine and of the code."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "accelerator": _accelerator(),
        "cores": os.cpu_count(),
        "threads": sys.modules["torch"].get_num_threads() if "torch" in sys.modules else None,
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "libraries": {name: version(name) for name in LIBRARIES},
        **_code(),
    }


def processor() -> str:
    """Return the processor's name."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _accelerator() -> str | None:
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else None


def _code() -> dict[str, Any]:
    """The commit, and whether anything but dvc.lock, which a run itself rewrites, differs from it; None without git."""
    commit = _git("rev-parse", "HEAD")
    changed = None if commit is None else bool(_git("status", "--porcelain", "--", ".", ":(exclude)dvc.lock"))
    return {"commit": commit, "changed": changed}


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
