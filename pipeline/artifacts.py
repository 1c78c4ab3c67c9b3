"""Every file a stage publishes goes through here: whole or not at all, and byte-stable.

A file or folder is written beside its target under a name that starts with ``.partial-`` and is
renamed into place once it is complete, so a killed run never leaves a half-written artifact
that looks finished.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import GraftError


@contextmanager
def publish(target: Path) -> Iterator[Path]:
    """Yield a path to write to (a file or a folder); rename it to ``target`` if the block succeeds."""
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".partial-{target.name}")
    _remove(partial)
    try:
        yield partial
        _remove(target)
        os.replace(partial, target)
    except BaseException:
        _remove(partial)
        raise


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write ``text`` as UTF-8 with Unix line ends."""
    with publish(target) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def write_json(target: Path, value: Mapping[str, Any]) -> None:
    """Write ``value`` with sorted keys; NaN and infinity are refused, they are not JSON."""
    write_text(target, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object."""
    with required(path).open(encoding="utf-8") as stream:
        value: dict[str, Any] = json.load(stream)
    return value


def write_parquet(target: Path, frame: pd.DataFrame) -> None:
    """Write ``frame`` without its index; the bytes depend on the values alone."""
    with publish(target) as partial:
        frame.to_parquet(partial, index=False, engine="pyarrow", compression="zstd")


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table that a stage wrote."""
    return pd.read_parquet(required(path), engine="pyarrow")


def write_csv(target: Path, frame: pd.DataFrame) -> None:
    """Write ``frame`` without its index, floats to six significant digits."""
    with publish(target) as partial:
        frame.to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")


def write_array(target: Path, array: np.ndarray) -> None:
    """Write one array in NumPy's own format, which can be memory-mapped."""
    with publish(target) as partial, partial.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)


def read_array(path: Path) -> np.ndarray:
    """Memory-map an array that ``write_array`` wrote."""
    try:
        array: np.ndarray = np.lib.format.open_memmap(required(path), mode="r")
    except (ValueError, EOFError):
        raise GraftError(
            f"{path} is no array of plain numbers; pickled objects are not read, they can run code: "
            "delete it and run `dvc repro`, which writes it anew"
        ) from None
    return array


def join_arrays(target: Path, paths: Sequence[Path]) -> None:
    """Write the arrays of ``paths`` as one, row after row, without holding more than one in memory."""
    parts = [read_array(path) for path in paths]
    shape = (sum(len(part) for part in parts), *parts[0].shape[1:])
    with publish(target) as partial:
        whole = np.lib.format.open_memmap(partial, mode="w+", dtype=parts[0].dtype, shape=shape)
        start = 0
        for part in parts:
            whole[start : start + len(part)] = part
            start += len(part)
        whole.flush()


def required(path: Path) -> Path:
    """Return ``path``; raise GraftError if nothing is there."""
    path = Path(path)
    if not path.exists():
        raise GraftError(f"{path} is missing; run `dvc repro`, which builds what it depends on")
    return path
