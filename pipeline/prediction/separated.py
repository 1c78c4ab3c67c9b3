"""Tables of separated fields, .csv and .tsv, row by row."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from pipeline.deployment.classifier import CHARACTERS
from pipeline.prediction.answers import Shape
from pipeline.prediction.reading import read_file_lines
from pipeline.prediction.rows import MALFORMED, BrokenInputError, Chunk, Row, Source, locate
from pipeline.prediction.values import as_text
from pipeline.text.pairs import text_from


class SeparatedSource(Source):
    """The rows below a header; every cell stays the text that it is."""

    def __init__(self, path: Path, columns: Sequence[str], delimiter: str) -> None:
        self.name = str(path)
        self.records = _records(path, delimiter)
        self.header = next(self.records, [])
        names = [name.strip() for name in self.header]
        self.at = [locate(self.name, names, column) for column in columns]

    def columns(self) -> list[str]:
        """The header, as it is written."""
        return self.header

    def rows(self) -> Iterator[Row]:
        """Yield every row; one of too few or too many fields keeps those that have a column."""
        width = len(self.header)
        for record in self.records:
            if len(record) == width:
                yield Row(text_from([record[at] for at in self.at]), cells=record)
            else:
                yield Row("", MALFORMED, (record + [""] * width)[:width])


def _records(path: Path, delimiter: str) -> Iterator[list[str]]:
    # Strict: after a quote that is never closed, rows would otherwise vanish into one long field. It is not read on
    # for more than the longest field, so that memory does not grow with the file.
    reader = csv.reader(read_file_lines(path, newline=""), delimiter=delimiter, strict=True)
    begun = 1
    before = csv.field_size_limit(CHARACTERS)
    try:
        for record in reader:
            begun = reader.line_num + 1
            if record:
                yield record
    except csv.Error as error:
        raise BrokenInputError(
            f"{path}: the row at line {begun} opens a quote and does not close it before the next comma or tab "
            f"({error}); double the quotes inside a field, or write the table as JSONL or Parquet"
        ) from None
    finally:
        csv.field_size_limit(before)


class SeparatedSink:
    """Writes the columns of the source and those of the answers."""

    def __init__(self, stream: TextIO, source: Source, shape: Shape, delimiter: str) -> None:
        source.keep_clear_of(shape.columns)
        self.stream, self.shape = stream, shape
        # The writer quotes a cell that holds a part of the line's end: with this one, both \r and \n.
        self.writer = csv.writer(_UnixLines(stream), delimiter=delimiter, lineterminator="\r\n")
        self.writer.writerow([as_text(name) for name in [*source.columns(), *shape.columns]])

    def write(self, chunk: Chunk, answers: Sequence[dict[str, Any]]) -> None:
        """Write the next rows."""
        for cells, answer in zip(chunk.cells(), answers, strict=True):
            self.writer.writerow([as_text(cell) for cell in (*cells, *self.shape.flat(answer))])

    def close(self) -> None:
        """Write what is still held back."""
        self.stream.flush()


class _UnixLines:
    """Ends each record with a line feed alone; the writer hands over one at a time."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, record: str) -> None:
        self.stream.write(record.removesuffix("\r\n") + "\n")
