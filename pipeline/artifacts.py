"""Every file a stage publishes goes through here: whole or not at all, and byte-stable.

A file or folder is written beside its target under a name that starts with ``.partial-`` and is
renamed into place once it is complete, so a killed run never leaves a half-written artifact
that looks finished. What is to be replaced is renamed away before it is deleted, for the same reason.
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
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.disk import naming_a_full_disk
from pipeline.errors import GraftError

# Rows of a row group; what is written row group by row group need not be in memory as a whole.
GROUP = 2**17


@contextmanager
def publish(target: Path) -> Iterator[Path]:
    """Yield a path to write to (a file or a folder); rename it to ``target`` if the block succeeds."""
    with publish_together(target) as (partial,):
        yield partial


@contextmanager
def publish_together(*targets: Path) -> Iterator[list[Path]]:
    """Yield a path to write to for each of ``targets``; rename all if the block succeeds.

    Files that belong together are never seen mixed with those of an earlier run: all old ones leave before the
    first new one arrives. A run that is killed in between leaves some missing.
    """
    targets = tuple(Path(target) for target in targets)
    partials = [target.with_name(f".partial-{target.name}") for target in targets]
    replaced = [target.with_name(f".partial-.{target.name}") for target in targets]
    for target in targets:
        target.parent.mkdir(parents=True, exist_ok=True)
    _remove(*partials, *replaced)
    try:
        with naming_a_full_disk(targets[0]):
            yield partials
        for target, old in zip(targets, replaced, strict=True):
            # A lone file is replaced in one move.
            if target.is_dir() or (len(targets) > 1 and target.exists()):
                os.replace(target, old)
        for partial, target in zip(partials, targets, strict=True):
            os.replace(partial, target)
    finally:
        _remove(*partials, *replaced)


def _remove(*paths: Path) -> None:
    for path in paths:
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


class ParquetRows:
    """A table that comes in parts; up to ``GROUP`` rows its bytes are those of ``write_parquet``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.held: list[pa.Table] = []
        self.rows = 0
        self.writer: pq.ParquetWriter | None = None

    def append(self, frame: pd.DataFrame) -> None:
        """Add the rows of ``frame``; all parts have the same columns."""
        self.held.append(pa.Table.from_pandas(frame, preserve_index=False))
        self.rows += len(frame)
        while self.rows >= GROUP:
            self._write(GROUP)

    def close(self) -> None:
        """Write what is left."""
        if self.rows or self.writer is None:
            self._write(self.rows)
        if self.writer is not None:
            self.writer.close()

    def _write(self, rows: int) -> None:
        # Of no rows, or of empty lists alone, Arrow does not know what they are of.
        table = pa.concat_tables(self.held, promote_options="permissive")
        if self.writer is None and rows == GROUP:
            # What a whole group has left open is text: rows that follow may have some.
            table = table.cast(pa.schema([field.with_type(_named(field.type)) for field in table.schema]))
        if self.writer is not None:
            table = table.cast(self.writer.schema)
        else:
            table = table.replace_schema_metadata(_notes(self.held, table.schema))
        if self.writer is None:
            self.writer = pq.ParquetWriter(self.path, table.schema, compression="zstd")
        # Pages end where chunks do: the parts must not show.
        self.writer.write_table(table.slice(0, rows).combine_chunks(), row_group_size=GROUP)
        self.held = [table.slice(rows)]
        self.rows -= rows


def _named(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_null(kind):
        return pa.string()
    return pa.list_(_named(kind.value_type)) if pa.types.is_list(kind) else kind


def _notes(parts: Sequence[pa.Table], schema: pa.Schema) -> dict[bytes, bytes]:
    """Return what is noted for pandas in a table of ``parts``: of each column by one that knew what it is of."""
    noted = [json.loads(part.schema.metadata[b"pandas"]) for part in parts]
    notes = noted[0]
    for at, field in enumerate(schema):
        knowing = (each for part, each in zip(parts, noted, strict=True) if part.schema.field(at).type == field.type)
        notes["columns"][at] = next(knowing, notes)["columns"][at]
    return {b"pandas": json.dumps(notes).encode()}


@contextmanager
def parquet_rows(target: Path) -> Iterator[ParquetRows]:
    """Publish a table that comes in parts; there is at least one, which may have no rows."""
    with publish(target) as partial:
        table = ParquetRows(partial)
        yield table
        table.close()


def count_rows(path: Path) -> int:
    """Return how many rows a table has that a stage wrote."""
    return int(pq.read_metadata(required(path)).num_rows)


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table that a stage wrote."""
    return pd.read_parquet(required(path), engine="pyarrow")


def iter_parquet(path: Path, columns: Sequence[str] | None = None, rows: int = 8192) -> Iterator[pd.DataFrame]:
    """Yield a table that a stage wrote, at most so many rows in memory at a time; of no rows one frame without any."""
    # Without these two the columns of a whole row group, which may be the file, would come into memory.
    with pq.ParquetFile(required(path), pre_buffer=False, buffer_size=2**16) as opened:
        names = None if columns is None else list(columns)
        if not opened.metadata.num_rows:
            yield opened.read(names).to_pandas()
        for batch in opened.iter_batches(rows, columns=names, use_threads=False):
            yield batch.to_pandas()


def take_rows(path: Path, rows: np.ndarray) -> pd.DataFrame:
    """Read the rows with the rising numbers ``rows`` of a table that a stage wrote."""
    parts, start = [], 0
    for frame in iter_parquet(path):
        first, last = np.searchsorted(rows, [start, start + len(frame)])
        parts.append(frame.iloc[rows[first:last] - start])
        start += len(frame)
    return pd.concat(parts, ignore_index=True)


def write_csv(target: Path, frame: pd.DataFrame) -> None:
    """Write ``frame`` without its index, floats to six significant digits."""
    with publish(target) as partial:
        frame.to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")


def write_array(target: Path, array: np.ndarray) -> None:
    """Write one array in NumPy's own format, which can be memory-mapped."""
    write_rows(target, [array])


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
    write_rows(target, [read_array(path) for path in paths])


def write_rows(target: Path, parts: Sequence[np.ndarray]) -> None:
    """Write ``parts``, which have the same kind of rows, as one array; the bytes are those of ``np.save``."""
    header = np.lib.format.header_data_from_array_1_0(np.ascontiguousarray(parts[0][:0]))
    header["shape"] = (sum(len(part) for part in parts), *parts[0].shape[1:])
    # Written, not mapped into memory: on a full disk a write fails, a mapping kills the process.
    with publish(target) as partial, partial.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for part in parts:
            stream.write(np.ascontiguousarray(part).data)


def required(path: Path) -> Path:
    """Return ``path``; raise GraftError if nothing is there."""
    path = Path(path)
    if not path.exists():
        raise GraftError(f"{path} is missing; run `dvc repro`, which builds what it depends on")
    return path
