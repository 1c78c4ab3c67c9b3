"""Rows of ids and texts, on disk while a stage works."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.spool import BATCH, Spool, TextSpool
from pipeline.text.hashing import first_with, hash_texts
from pipeline.text.ids import is_altered
from pipeline.text.pairs import FIRST, SECOND, TextOrPair, sides_of


class StoredTexts:
    """Texts or pairs with their ids, in the order in which they came."""

    def __init__(self, folder: Path, is_pair: bool = False) -> None:
        """Begin with no row; ``folder`` exists, and has room."""
        self.columns = {name: TextSpool(folder) for name in ("id", FIRST, *([SECOND] if is_pair else []))}

    def __len__(self) -> int:
        return len(self.columns["id"])

    @property
    def sides(self) -> list[TextSpool]:
        """The texts, or the first and the second ones of pairs."""
        return [column for name, column in self.columns.items() if name != "id"]

    def append(self, ids: Sequence[str], texts: Sequence[TextOrPair]) -> None:
        """Add rows."""
        self.columns["id"].append(ids)
        for at, side in enumerate(self.sides):
            side.append([sides_of(text)[at] for text in texts])

    def text(self, row: int) -> TextOrPair:
        """Return the text or pair of a row."""
        found = tuple(side[row] for side in self.sides)
        return found[0] if len(found) == 1 else (found[0], found[1])

    def batches(self, rows: np.ndarray | None = None) -> Iterator[tuple[np.ndarray, pd.DataFrame]]:
        """Yield row numbers and their table (columns id, text and, of pairs, text_pair), some rows at a time.

        ``rows`` are rising row numbers, all without them; without any there is one empty table.
        """
        chosen = np.arange(len(self)) if rows is None else rows
        found = False
        for start in range(0, len(self), BATCH):
            stop = min(start + BATCH, len(self))
            first, last = np.searchsorted(chosen, [start, stop])
            if first < last:
                found = True
                yield chosen[first:last], self._frame(start, stop, chosen[first:last] - start)
        if not found:
            yield chosen[:0], self._frame(0, 0, chosen[:0])

    def _frame(self, start: int, stop: int, rows: np.ndarray) -> pd.DataFrame:
        columns = {name: column.read(start, stop) for name, column in self.columns.items()}
        return pd.DataFrame({name: [texts[row] for row in rows] for name, texts in columns.items()}, dtype=object)


def stored_unaltered(tables: Callable[[], Iterable[pd.DataFrame]], folder: Path) -> TextSpool:
    """Return what ``unaltered_texts`` does of a transfer set that ``tables`` yields in parts, each time anew."""
    texts, hashes = TextSpool(folder), Spool(folder, np.uint64)
    is_pair = False
    for column in (FIRST, SECOND):
        for table in tables():
            is_pair = SECOND in table
            if column in table:
                some = table[column][~is_altered(table["id"])].tolist()
                texts.append(some)
                hashes.append(hash_texts(some))
        if not is_pair:
            return texts
    distinct = TextSpool(folder)
    new = first_with(hashes.array()) == np.arange(len(texts))
    for start in range(0, len(texts), BATCH):
        some = texts.read(start, min(start + BATCH, len(texts)))
        distinct.append([text for text, kept in zip(some, new[start : start + BATCH], strict=True) if kept])
    return distinct
