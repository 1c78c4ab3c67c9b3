"""Parquet, some rows of a row group at a time; columns stay what they are, whatever their type."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.deployment.classifier import chunks
from pipeline.prediction.answers import Shape
from pipeline.prediction.rows import BrokenInputError, Chunk, Row, Source, locate, read_row
from pipeline.prediction.values import as_text, encodable

# Rows that are read at once; rows and bytes that are held back until they make a row group.
READ, GROUP_ROWS, GROUP_BYTES = 256, 2**14, 2**24

TEXT = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)


class ParquetSource(Source):
    """The rows of a file."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.name = str(path)
        try:
            path.open("rb").close()
        except OSError as error:
            raise BrokenInputError(f"{path} cannot be read: {error.strerror or error}") from None
        try:
            # Without these two a column's whole row group, which may be the file, would come into memory.
            self.file = pq.ParquetFile(path, pre_buffer=False, buffer_size=2**16)
            self.total = self.file.metadata.num_rows
            self.arrow = self.file.schema_arrow
        except (pa.ArrowException, OSError, ValueError) as error:
            raise self._broken(0) from error
        self.at = [locate(self.name, self.arrow.names, column) for column in columns]
        for column, at in zip(columns, self.at, strict=True):
            kind = self.arrow.field(at).type
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            if not any(is_text(kind) for is_text in TEXT):
                raise BrokenInputError(f"{path}: column {column!r} holds {kind}, no text: name another with --column")

    def columns(self) -> list[str]:
        """The names in the file."""
        return list(self.arrow.names)

    def schema(self) -> pa.Schema:
        """The types in the file."""
        return self.arrow

    def chunks(self, at_most: int) -> Iterator[Chunk]:
        """Yield all rows, at most so many at once."""
        step = math.gcd(READ, at_most)
        for batches in chunks(self._batches(step), lambda batch: batch.nbytes, at_most // step):
            table = pa.Table.from_batches(batches, self.arrow)
            cells = zip(*(values(table.column(at)) for at in self.at), strict=True)
            yield Chunk([Row(*read_row(each)) for each in cells], table)

    def _batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        read = 0
        try:
            for batch in self.file.iter_batches(batch_size=rows, use_threads=False):
                read += len(batch)
                yield batch
        except (pa.ArrowException, OSError) as error:
            raise self._broken(read) from error

    def _broken(self, read: int) -> BrokenInputError:
        beyond = f" beyond row {read}" if read else ""
        return BrokenInputError(f"{self.name} cannot be read as Parquet{beyond}; it may be cut short: copy it again")


class _Writer(pq.ParquetWriter):
    """A writer that leaves a file that is given up as it is, where pyarrow's would yet write a footer."""

    def __del__(self) -> None:
        pass


class ParquetSink:
    """Writes the columns of the source and those of the answers."""

    def __init__(self, stream: BinaryIO, source: Source, shape: Shape) -> None:
        source.keep_clear_of(shape.columns)
        self.own, self.shape = source.schema(), shape
        kinds = {"label": pa.string(), "labels": pa.list_(pa.string()), "sure": pa.bool_(), "refused": pa.string()}
        plain_names = (name.removeprefix(shape.prefix) for name in shape.columns)
        self.added = pa.schema(
            [(name, kinds.get(plain, pa.float64())) for name, plain in zip(shape.columns, plain_names, strict=True)]
        )
        whole = pa.schema([*self.own, *self.added], self.own.metadata)
        self.writer = _Writer(stream, whole, compression="zstd")
        self.waiting: list[pa.Table] = []

    def write(self, chunk: Chunk, answers: Sequence[dict[str, Any]]) -> None:
        """Take the next rows; as many are held back as a row group should have."""
        own = _table(list(chunk.cells()), self.own) if chunk.table is None else chunk.table
        added = _table([self.shape.flat(answer) for answer in answers], self.added)
        self.waiting.append(pa.Table.from_arrays([*own.columns, *added.columns], schema=self.writer.schema))
        if sum(map(len, self.waiting)) >= GROUP_ROWS or sum(each.nbytes for each in self.waiting) >= GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is held back, and the footer."""
        self._flush()
        self.writer.close()

    def _flush(self) -> None:
        if self.waiting:
            self.writer.write_table(pa.concat_tables(self.waiting))
            self.waiting = []


def _table(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(map(_text, cells) if pa.types.is_string(field.type) else cells, field.type)
         for cells, field in zip(columns, schema, strict=True)],
        schema=schema,
    )  # fmt: skip


def _text(cell: Any) -> str | None:
    return None if cell is None else as_text(cell)


def values(column: pa.ChunkedArray) -> list[Any]:
    """Return the cells of a column as Python has them."""
    try:
        cells: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):
        cells = [_value(cell) for cell in column]
    return cells


def _value(cell: pa.Scalar) -> Any:
    """Return one cell; text that is no UTF-8 with replacement characters, a date beyond Python's years as text."""
    try:
        return cell.as_py()
    except UnicodeDecodeError:
        return encodable(cell.as_buffer().to_pybytes().decode("utf-8", errors="replace"))
    except (ValueError, OverflowError):
        return cell.cast(pa.string()).as_py()
