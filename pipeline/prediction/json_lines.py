"""Tables of one JSON object a line: a row stays the very object that was read, the answer is put into it."""

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from pipeline.prediction.answers import Shape
from pipeline.prediction.reading import read_file_lines
from pipeline.prediction.rows import MALFORMED, BrokenInputError, Chunk, Row, Source, locate, read_row
from pipeline.prediction.values import plain

if TYPE_CHECKING:
    import pyarrow as pa


# Up to here a float is every whole number exactly.
EXACT = 2**53


class _Line(NamedTuple):
    """An object, as it is written and as it is read, and why its row is refused."""

    written: str
    record: dict[str, Any]
    reason: str = ""


class JsonSource(Source):
    """The objects of a file; a line that is none keeps its place and stands whole in the text's column."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.name, self.path, self.keys = str(path), path, columns
        self.kinds: dict[str, set[str]] | None = None
        self.taken: Collection[str] = ()

    def keep_clear_of(self, names: Collection[str]) -> None:
        """Look at the keys of each object from now on: they are known only when it is read."""
        self.taken = frozenset(names)

    def columns(self) -> list[str]:
        """All keys in the order in which they first occur: a table needs them before its first row."""
        return list(self._survey())

    def schema(self) -> "pa.Schema":
        """Numbers and truth values where a key holds nothing else, and its column can hold each, otherwise text."""
        import pyarrow as pa

        whole = dict.fromkeys(("int", "long int", "int long int"), pa.int64())
        types = {"bool": pa.bool_(), "float": pa.float64(), "float int": pa.float64()} | whole
        found = {name: " ".join(sorted(kinds - {"null"})) for name, kinds in self._survey().items()}
        return pa.schema([(name, types.get(kinds, pa.string())) for name, kinds in found.items()])

    def rows(self) -> Iterator[Row]:
        """Yield a row a line that is not blank."""
        names = list(self.kinds or ())
        # Until the columns are found: what there was in their place.
        missing, others = list(self.keys), dict[str, None]()
        for number, (written, record, reason) in enumerate(self._lines(), 1):
            if not record.keys().isdisjoint(self.taken):
                self._refuse_clash(min(record.keys() & self.taken), self.taken, f": row {number}")
            if missing and not reason:
                missing = [key for key in missing if key not in record]
                others |= dict.fromkeys(record)
            text, lacking = ("", reason) if reason else read_row([record.get(key) for key in self.keys])
            yield Row(text, lacking, tuple(map(record.get, names)), written)
        if missing and others:
            locate(self.name, list(others), missing[0])

    def _lines(self) -> Iterator[_Line]:
        for line in read_file_lines(self.path):
            written = line.strip()
            if not written:
                continue
            try:
                record = json.loads(written)
            except (ValueError, RecursionError):
                record = None
            if isinstance(record, dict):
                yield _Line(written, record)
            else:
                record = {self.keys[0]: line.removesuffix("\n")}
                yield _Line(json.dumps(record, ensure_ascii=False), record, MALFORMED)

    def _survey(self) -> dict[str, set[str]]:
        if self.kinds is None:
            self.kinds = {}
            try:
                for line in self._lines():
                    for key, value in line.record.items():
                        self.kinds.setdefault(key, set()).add(_kind(value))
            except BrokenInputError:
                pass  # It will be met again, behind the rows before it.
            for name in self.kinds:
                self._refuse_clash(name, self.taken)
        return self.kinds


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > EXACT:
        return "long int" if -(2**63) <= value < 2**63 else "large int"
    return type(value).__name__


class JsonSink:
    """Writes a JSON object a row, at once if ``prompt``: its own keys, and then those of the answer."""

    def __init__(self, stream: TextIO, source: Source, shape: Shape, prompt: bool = False) -> None:
        self.stream, self.source, self.shape, self.prompt = stream, source, shape, prompt
        source.keep_clear_of(shape.keys)

    def write(self, chunk: Chunk, answers: Sequence[dict[str, Any]]) -> None:
        """Write the next rows."""
        for own, answer in zip(self._objects(chunk), answers, strict=True):
            added = json.dumps(self.shape.nested(answer), ensure_ascii=False)
            head = own[:-1].rstrip()
            self.stream.write(f"{head}{'' if head == '{' else ', '}{added[1:]}\n")
        if self.prompt:
            self.stream.flush()

    def close(self) -> None:
        """Write what is still held back."""
        self.stream.flush()

    def _objects(self, chunk: Chunk) -> Iterator[str]:
        if chunk.rows[0].written:
            return (row.written for row in chunk.rows)
        names = self.source.columns()
        objects = (dict(zip(names, map(plain, cells), strict=True)) for cells in chunk.cells())
        return (json.dumps(each, ensure_ascii=False) for each in objects)
