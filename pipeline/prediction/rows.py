"""Rows on their way from a file to a file: each has a text or a reason, and what else stood in its row."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pipeline.deployment.classifier import UnreadableError, chunks
from pipeline.errors import GraftError
from pipeline.text.pairs import FIRST, SECOND, TextOrPair, reason_of, text_from

if TYPE_CHECKING:
    import pyarrow as pa

# Why a row has no text to read, by the names that ``prepare`` uses.
MALFORMED, MISSING = "malformed_row", "text_missing"


class BrokenInputError(GraftError, UnreadableError):
    """An input that cannot be read on; the rows before the fault are answered first."""


class Row(NamedTuple):
    """One row; ``reason`` says why it has no text, ``written`` is the JSON object that it was read from."""

    text: TextOrPair
    reason: str = ""
    cells: Sequence[Any] = ()
    written: str = ""

    @property
    def size(self) -> int:
        """About how many characters it holds."""
        return len(self.written) or sum(map(len, self.cells))


@dataclass(frozen=True)
class Chunk:
    """Rows that are answered at once; those of a Parquet file have their cells in ``table``."""

    rows: Sequence[Row]
    table: "pa.Table | None" = None

    def cells(self) -> Iterator[Sequence[Any]]:
        """Yield the cells of each row, in the order of the source's columns."""
        if self.table is None:
            return (row.cells for row in self.rows)
        from pipeline.prediction.parquet import values

        return zip(*map(values, self.table.columns), strict=True)


class Source(ABC):
    """Rows of one shape; ``total`` is how many, if that is known beforehand."""

    name: str
    total: int | None = None

    @abstractmethod
    def columns(self) -> list[str]:
        """Names of the columns; in JSON lines all keys, for which the file is read once."""

    def schema(self) -> "pa.Schema":
        """The columns with their types in Parquet."""
        import pyarrow as pa

        return pa.schema([(name, pa.string()) for name in self.columns()])

    def rows(self) -> Iterator[Row]:
        """Yield every row in order; BrokenInputError where it cannot be read on."""
        raise NotImplementedError

    def chunks(self, at_most: int) -> Iterator[Chunk]:
        """Yield all rows, at most so many at once."""
        return map(Chunk, chunks(self.rows(), lambda row: row.size, at_most))

    def keep_clear_of(self, names: Collection[str]) -> None:
        """GraftError if the rows have one of these names, which the answers are to get."""
        for name in self.columns():
            self._refuse_clash(name, names)

    def _refuse_clash(self, name: str, names: Collection[str], place: str = "") -> None:
        if name in names:
            raise BrokenInputError(
                f"{self.name}{place} has a column {name!r} already; give the new ones a --prefix, such as predicted_"
            )


class Texts(Source):
    """Texts, or ``pairs`` of them, without anything beside them."""

    def __init__(
        self, texts: Iterator[TextOrPair], name: str = "the input", total: int | None = None, pairs: bool = False
    ) -> None:
        self.texts, self.name, self.total = texts, name, total
        self.names = [FIRST, SECOND] if pairs else [FIRST]

    def columns(self) -> list[str]:
        """The one column, or the two of pairs."""
        return self.names

    def rows(self) -> Iterator[Row]:
        """Yield a row a text; a text that stands where a pair should is left to the model to refuse."""
        for text in self.texts:
            sides = (text,) if isinstance(text, str) else text
            yield Row(text, cells=(*sides, *[""] * (len(self.names) - len(sides))))


def read_row(cells: Sequence[object]) -> tuple[TextOrPair, str]:
    """Return the text in the one cell, or the pair in the two, and why there is none."""
    for name, cell in zip((FIRST, SECOND), cells, strict=False):
        if not isinstance(cell, str):
            return "", reason_of(name, MISSING)
    return text_from([str(cell) for cell in cells]), ""


class Sink(Protocol):
    """Where rows and their answers go."""

    def write(self, chunk: Chunk, answers: Sequence[dict[str, Any]]) -> None:
        """Take the next rows; an answer holds ``label``, ``probabilities`` and perhaps ``sure``, or ``refused``."""

    def close(self) -> None:
        """Write what is still held back."""


def locate(name: str, columns: Sequence[str], column: str) -> int:
    """Return the place of ``column``; GraftError if it is not there, or if two columns share a name."""
    for each, count in Counter(columns).items():
        if count > 1:
            raise BrokenInputError(f"{name} has two columns {each!r}; rename one of them")
    if column not in columns:
        found = ", ".join(map(repr, islice(columns, 20)))[:300] or "none"
        raise BrokenInputError(f"{name} has no column {column!r}; it has {found}: name one with --column")
    return columns.index(column)
