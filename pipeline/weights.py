"""Weights are read as safetensors alone: a pickle runs code when it is read. Here is what to say of one.

Only the stage ``fetch_model`` opens PyTorch's, as tensors, and writes them anew (``pipeline/fetching/pickles.py``).
"""

from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.errors import GraftError

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.joblib", "*.npy", "*.npz", "*.h5", "*.msgpack")


def find_pickles(names: list[str]) -> list[str]:
    """Return those of ``names`` that may be pickles, or hold weights in a format that is not read."""
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in PICKLES)]


def check_weights(folder: Path) -> None:
    """Raise GraftError, which says how to convert a pickle, unless ``folder`` holds safetensors weights."""
    names = sorted(file.name for file in folder.iterdir() if file.is_file())
    if any(fnmatchcase(name, "*.safetensors") for name in names):
        return
    if pickles := find_pickles(names):
        raise refuse_pickle(folder, pickles[0])
    raise GraftError(f"{folder} holds no *.safetensors weights; a model written by `save_pretrained` has them")


def refuse_pickle(folder: Path, name: str, why: str = "") -> GraftError:
    """The error that refuses the file ``name`` of ``folder``; ``why`` goes before the remedy."""
    return GraftError(
        f"{folder} holds its weights as the pickle {name}, which can run code when it is read; {why}where you "
        "trust it, load it with AutoModel.from_pretrained and save_pretrained it anew as model.safetensors"
    )
