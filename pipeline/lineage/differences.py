"""Two files of a run compared: equal, equal within a tolerance, or what differs in them first and by how much."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from filecmp import cmp
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from safetensors import SafetensorError, safe_open

from pipeline.artifacts import read_array
from pipeline.errors import GraftError
from pipeline.lineage.settings import flatten, show


@dataclass(frozen=True)
class Difference:
    """What differs; ``largest`` is the largest gap between two numbers, infinite where more than numbers differ."""

    what: str
    largest: float


def compare_files(one: Path, other: Path) -> Difference | None:
    """Return the difference between two files, None if their bytes are the same."""
    if cmp(one, other, shallow=False):
        return None
    compare = READERS.get(one.suffix)
    if compare is None:
        return compare_bytes(one, other)
    try:
        found = compare(one, other)
    except (OSError, ValueError, pa.ArrowException, SafetensorError, GraftError) as error:
        # One of them is cut off or damaged, so they cannot hold the same.
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return Difference(f"the contents differ, and not both can be read: {reason}", float("inf"))
    # The same values in other bytes: nothing that a reader of the values could tell.
    return found or Difference("the bytes differ, the values do not", 0.0)


def compare_bytes(one: Path, other: Path) -> Difference | None:
    """Return whether two files differ at all, for those whose values are not the pipeline's to read."""
    return None if cmp(one, other, shallow=False) else Difference("the contents differ", float("inf"))


def _worst(found: Iterator[Difference]) -> Difference | None:
    """Name the first difference, with the largest of all as its size."""
    differences = list(found)
    if not differences:
        return None
    more = f" (and {len(differences) - 1} more)" if len(differences) > 1 else ""
    return Difference(differences[0].what + more, max(difference.largest for difference in differences))


def compare_arrays(name: str, one: np.ndarray, other: np.ndarray) -> Difference | None:
    """Compare two arrays of one name; NaN equals NaN."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return Difference(f"{name}: {one.dtype}{list(one.shape)} and {other.dtype}{list(other.shape)}", float("inf"))
    if np.array_equal(one, other, equal_nan=one.dtype.kind == "f"):
        return None
    if one.dtype.kind not in "fiub":
        return Difference(f"{name}: {int(np.sum(one != other)):,} of {one.size:,} values differ", float("inf"))
    # Equal values have no gap between them, infinities and NaN neither; NaN and a number have one without measure.
    differ = ~((one == other) | ((one != one) & (other != other)))
    gaps = np.abs(one[differ].astype(np.float64) - other[differ].astype(np.float64))
    largest = float("inf") if np.isnan(gaps).any() else float(gaps.max())
    return Difference(f"{name}: max abs difference {largest:.3g}", largest)


def _compare_weights(one: Path, other: Path) -> Difference | None:
    def tensors() -> Iterator[Difference]:
        with safe_open(one, "pt") as first, safe_open(other, "pt") as second:
            names, others = set(first.keys()), set(second.keys())
            for name in sorted(names | others):
                if name not in names & others:
                    yield Difference(f"tensor {name} is in one of them only", float("inf"))
                    continue
                # In float64, which holds every value of bfloat16 and of half precision, neither known to numpy.
                pair = [opened.get_tensor(name) for opened in (first, second)]
                arrays = [part.double().numpy() if part.is_floating_point() else part.numpy() for part in pair]
                if found := compare_arrays(f"tensor {name}", *arrays):
                    yield found

    return _worst(tensors())


def _compare_arrays(one: Path, other: Path) -> Difference | None:
    return compare_arrays("array", read_array(one), read_array(other))


def _compare_frames(one: pd.DataFrame, other: pd.DataFrame) -> Difference | None:
    if list(one.columns) != list(other.columns) or len(one) != len(other):
        shapes = [f"{len(frame):,} rows of {', '.join(frame.columns)}"[:80] for frame in (one, other)]
        return Difference(f"{shapes[0]}; {shapes[1]}", float("inf"))

    def columns() -> Iterator[Difference]:
        for name in one.columns:
            first, second = one[name], other[name]
            if pd.api.types.is_numeric_dtype(first) and pd.api.types.is_numeric_dtype(second):
                found = compare_arrays(f"column {name}", first.to_numpy(), second.to_numpy())
                if found:
                    yield found
            elif changed := _count_changed(first, second):
                what = "labels flipped" if name == "predicted" else "values differ"
                yield Difference(f"column {name}: {changed:,} of {len(one):,} {what}", float("inf"))

    # Flipped labels first: they are what one would look for.
    return _worst(iter(sorted(columns(), key=lambda found: not found.what.startswith("column predicted"))))


def _count_changed(one: pd.Series, other: pd.Series) -> int:
    same = (one.astype("str") == other.astype("str")) | (one.isna() & other.isna())
    return int((~same).sum())


def _compare_parquet(one: Path, other: Path) -> Difference | None:
    return _compare_frames(pd.read_parquet(one), pd.read_parquet(other))


def _compare_arrow(one: Path, other: Path) -> Difference | None:
    tables = []
    for path in (one, other):
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
            tables.append(stream.read_all())
    first, second = tables
    if first.schema != second.schema or len(first) != len(second):
        return Difference(f"{len(first):,} and {len(second):,} rows, or other columns", float("inf"))
    names = [name for name in first.column_names if not first[name].equals(second[name])]
    return Difference(f"column {names[0]}: values differ", float("inf")) if names else None


def _compare_csv(one: Path, other: Path) -> Difference | None:
    # A label may be called NA or null; only an empty cell holds nothing.
    frames = [
        pd.read_csv(path, quoting=csv.QUOTE_MINIMAL, keep_default_na=False, na_values=[""]) for path in (one, other)
    ]
    return _compare_frames(*frames)


def _compare_json(one: Path, other: Path) -> Difference | None:
    first, second = (flatten(json.loads(path.read_text(encoding="utf-8"))) for path in (one, other))

    def leaves() -> Iterator[Difference]:
        for name in dict.fromkeys([*first, *second]):
            old, new = first.get(name), second.get(name)
            if old == new and (name in first) == (name in second):
                continue
            numbers = [value for value in (old, new) if isinstance(value, int | float) and not isinstance(value, bool)]
            gap = abs(numbers[1] - numbers[0]) if len(numbers) == 2 else float("inf")
            yield Difference(f"{name}: {show(old)} and {show(new)}", gap)

    return _worst(leaves())


READERS: dict[str, Callable[[Path, Path], Difference | None]] = {
    ".safetensors": _compare_weights,
    ".npy": _compare_arrays,
    ".parquet": _compare_parquet,
    ".arrow": _compare_arrow,
    ".csv": _compare_csv,
    ".json": _compare_json,
}
