"""Reading tables row by row: every row is taken, counted as malformed, or the fault is named."""

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import GraftError
from pipeline.text.lines import read_lines

# A row's cells in the order of the columns asked for; None where the row is malformed.
Row = tuple[object, ...] | None


@dataclass
class Table:
    """Columns of a table by name; ``rows`` numbers each row from 1, ``malformed`` the rows that were not taken."""

    columns: dict[str, list[object]]
    rows: list[int]
    malformed: list[int]


def read_table(path: Path, columns: list[str], encoding: str = "utf-8") -> Table:
    """Read the named columns of a table whole; files and faults are those of ``iter_rows``."""
    return next(iter_tables(path, columns, encoding, sys.maxsize))


def iter_tables(path: Path, columns: list[str], encoding: str, most: int) -> Iterator[Table]:
    """Read the named columns of a table, at most so many rows at a time."""
    rows = enumerate(iter_rows(path, columns, encoding), 1)
    while batch := list(islice(rows, most)):
        table = Table({column: [] for column in columns}, [], [])
        for number, row in batch:
            if row is None:
                table.malformed.append(number)
                continue
            table.rows.append(number)
            for column, cell in zip(columns, row, strict=True):
                table.columns[column].append(cell)
        yield table


def iter_rows(path: Path, columns: list[str], encoding: str = "utf-8", section: str = "data") -> Iterator[Row]:
    """Yield the rows of a .csv, .tsv, .jsonl (each also as .gz) or .parquet file, a few in memory at a time.

    GraftError, which points to ``section`` of params.yaml, for a file that is empty, cut short, in another encoding
    or without the columns.
    """
    if path.stat().st_size == 0:
        raise GraftError(f"{path} is empty; set {section}.path to a table with rows")
    kind = Path(path.name.removesuffix(".gz")).suffix
    if kind == ".parquet":
        rows = _iter_parquet(path, columns, section)
    elif kind == ".jsonl":
        rows = _iter_jsonl(path, columns, encoding, section)
    else:
        rows = _iter_separated(path, columns, encoding, section, "\t" if kind == ".tsv" else ",")
    found = False
    for row in rows:
        found = True
        yield row
    if not found:
        raise GraftError(f"{path} holds no rows; set {section}.path to a table with rows")


def _iter_separated(path: Path, columns: list[str], encoding: str, section: str, delimiter: str) -> Iterator[Row]:
    # Strict: after a quote that is never closed, rows would otherwise vanish into one long field.
    reader = csv.reader(read_lines(path, encoding, section, newline=""), delimiter=delimiter, strict=True)
    begun = 1
    header: list[str] = []
    wanted: list[int] = []
    try:
        with _unlimited_fields():
            for record in reader:
                begun = reader.line_num + 1
                if not record:
                    continue
                if not header:
                    header = [name.strip() for name in record]
                    wanted = _locate(path, header, columns, section)
                    continue
                yield tuple(record[at] for at in wanted) if len(record) == len(header) else None
    except csv.Error as error:
        raise GraftError(
            f"{path}: the row at line {begun} opens a quote and does not close it before the next comma or tab "
            f"({error}); double the quotes inside a field, or write the table as JSONL or Parquet"
        ) from None
    if not header:
        _locate(path, header, columns, section)


@contextmanager
def _unlimited_fields() -> Iterator[None]:
    """Let long fields through: cleaning refuses them by name instead of the reader by an exception."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _locate(path: Path, names: list[str], columns: list[str], section: str) -> list[int]:
    if any("\0" in name for name in names):
        raise GraftError(
            f"{path} holds NUL bytes; if it is UTF-16, set {section}.encoding to utf-16, utf-16-le or utf-16-be"
        )
    for column in columns:
        if names.count(column) != 1:
            problem = f"has no column {column!r}" if column not in names else f"has two columns {column!r}"
            raise GraftError(
                f"{path} {problem}; it has {', '.join(map(repr, names))[:300]}: correct the names in {section}"
            )
    return [names.index(column) for column in columns]


def _iter_jsonl(path: Path, columns: list[str], encoding: str, section: str) -> Iterator[Row]:
    found: dict[str, None] = {}
    for line in read_lines(path, encoding, section):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            found.update(dict.fromkeys(record))
            yield tuple(record.get(column) for column in columns)
        else:
            yield None
    for column in columns if found else ():
        if column not in found:
            raise GraftError(
                f"{path} has no key {column!r}; it has {', '.join(map(repr, found))[:300]}: "
                f"correct the names in {section}"
            )


def _iter_parquet(path: Path, columns: list[str], section: str) -> Iterator[Row]:
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=2**16) as opened:
            _locate(path, opened.schema_arrow.names, columns, section)
            for batch in opened.iter_batches(8192, columns=columns, use_threads=False):
                yield from zip(*(_cells(batch.column(name)) for name in columns), strict=True)
    except (pa.ArrowException, OSError) as error:
        raise GraftError(f"{path} cannot be read as Parquet; it may be cut short: copy it again") from error


def _cells(column: pa.Array) -> list[object]:
    try:
        cells: list[object] = column.to_pylist()
    except (ValueError, OverflowError):
        cells = [_cell(scalar) for scalar in column]
    return cells


def _cell(scalar: pa.Scalar) -> object:
    """Return the value of one cell; what Python cannot hold, such as text that is no UTF-8, as bytes: no value."""
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        return b""


def is_scalar(value: object) -> bool:
    """Say whether a cell holds one value: text, a number, a truth value or a date."""
    return bool(pd.api.types.is_scalar(value)) and not isinstance(value, bytes)
