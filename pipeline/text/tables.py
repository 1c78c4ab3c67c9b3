"""Reading one table whole: every row is taken, counted as malformed, or the fault is named."""

import csv
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import GraftError


@dataclass
class Table:
    """Columns of a table by name; ``rows`` numbers each row from 1, ``malformed`` the rows that were not taken."""

    columns: dict[str, list[object]]
    rows: list[int]
    malformed: list[int]


def read_table(path: Path, columns: list[str], encoding: str = "utf-8") -> Table:
    """Read the named columns of a .csv, .tsv, .jsonl or .parquet file."""
    if path.stat().st_size == 0:
        raise GraftError(f"{path} is empty; set data.path to a table with rows")
    if path.suffix == ".parquet":
        table = _read_parquet(path, columns)
    elif path.suffix == ".jsonl":
        table = _read_jsonl(path, columns, encoding)
    else:
        table = _read_separated(path, columns, encoding, "\t" if path.suffix == ".tsv" else ",")
    if not table.rows and not table.malformed:
        raise GraftError(f"{path} holds no rows; set data.path to a table with rows")
    return table


def decode(path: Path, encoding: str) -> str:
    """Return the text of a file without a byte order mark; GraftError names the first byte that does not fit."""
    content = path.read_bytes()
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise GraftError(
            f"data.encoding is {encoding!r}, which Python does not know; utf-8, utf-16 or cp1252"
        ) from None
    except UnicodeError as error:
        at = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = content.count(b"\n", 0, at) + 1
        raise GraftError(
            f"{path}: byte {at + 1} (line {line}) is not {encoding}; "
            "set data.encoding to what the file was written in, such as cp1252 or utf-16"
        ) from None


def _read_separated(path: Path, columns: list[str], encoding: str, delimiter: str) -> Table:
    text = decode(path, encoding)
    with _unlimited_fields():
        # Strict: after a quote that is never closed, rows would otherwise vanish into one long field.
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        records: list[list[str]] = []
        begun = 1
        try:
            for record in reader:
                if record:
                    records.append(record)
                begun = reader.line_num + 1
        except csv.Error as error:
            raise GraftError(
                f"{path}: the row at line {begun} opens a quote and does not close it before the next comma or tab "
                f"({error}); double the quotes inside a field, or write the table as JSONL or Parquet"
            ) from None
    header = [name.strip() for name in records.pop(0)] if records else []
    wanted = _locate(path, header, columns)
    whole = [len(record) == len(header) for record in records]
    taken = [record for record, fits in zip(records, whole, strict=True) if fits]
    return Table(
        {name: [record[at] for record in taken] for name, at in wanted.items()},
        [row for row, fits in enumerate(whole, 1) if fits],
        [row for row, fits in enumerate(whole, 1) if not fits],
    )


@contextmanager
def _unlimited_fields() -> Iterator[None]:
    """Let long fields through: cleaning refuses them by name instead of the reader by an exception."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _locate(path: Path, names: list[str], columns: list[str]) -> dict[str, int]:
    if any("\0" in name for name in names):
        raise GraftError(
            f"{path} holds NUL bytes; if it is UTF-16, set data.encoding to utf-16, utf-16-le or utf-16-be"
        )
    for column in columns:
        if names.count(column) != 1:
            problem = f"has no column {column!r}" if column not in names else f"has two columns {column!r}"
            raise GraftError(f"{path} {problem}; it has {', '.join(map(repr, names))[:300]}: correct the names in data")
    return {column: names.index(column) for column in columns}


def _read_jsonl(path: Path, columns: list[str], encoding: str) -> Table:
    values: dict[str, list[object]] = {column: [] for column in columns}
    table = Table(values, [], [])
    found: dict[str, None] = {}
    lines = [line for line in decode(path, encoding).split("\n") if line.strip()]
    for row, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            table.malformed.append(row)
            continue
        table.rows.append(row)
        found.update(dict.fromkeys(record))
        for column in columns:
            values[column].append(record.get(column))
    for column in columns if table.rows else ():
        if column not in found:
            raise GraftError(
                f"{path} has no key {column!r}; it has {', '.join(map(repr, found))[:300]}: correct the names in data"
            )
    return table


def _read_parquet(path: Path, columns: list[str]) -> Table:
    try:
        with pq.ParquetFile(path) as opened:
            _locate(path, opened.schema_arrow.names, columns)
            table = opened.read(columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise GraftError(f"{path} cannot be read as Parquet; it may be cut short: copy it again") from error
    return Table({column: table[column].to_pylist() for column in columns}, list(range(1, len(table) + 1)), [])


def is_scalar(value: object) -> bool:
    """Say whether a cell holds one value: text, a number, a truth value or a date."""
    return bool(pd.api.types.is_scalar(value)) and not isinstance(value, bytes)
