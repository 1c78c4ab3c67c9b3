"""What is too much for memory while a stage works: kept in nameless files, in the order in which it came.

A nameless file is gone with its process, however that ends, and its pages are the system's, which takes them back when
it needs them.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa

# Entries that are read at once where all are.
BATCH = 8192


class Spool:
    """Arrays of one kind of rows, one after another."""

    def __init__(self, folder: Path, kind: Any, *shape: int) -> None:
        """Begin with no row; a row has ``shape`` and the dtype ``kind``. ``folder`` exists, and has room."""
        self.kind, self.shape = np.dtype(kind), shape
        self.bytes_of_row = self.kind.itemsize * int(np.prod(shape))
        self.length = 0
        # Open for as long as the rows are asked for.
        self.file = tempfile.TemporaryFile(dir=folder, prefix=".partial-")  # noqa: SIM115

    def __len__(self) -> int:
        return self.length

    def append(self, rows: np.ndarray) -> None:
        """Add ``rows`` (M, …)."""
        self.file.write(np.ascontiguousarray(rows, self.kind).data)
        self.length += len(rows)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return a copy of the rows from ``start`` to ``stop``."""
        self.file.flush()
        place, size = start * self.bytes_of_row, (stop - start) * self.bytes_of_row
        held = np.frombuffer(os.pread(self.file.fileno(), size, place), self.kind)
        return held.reshape(-1, *self.shape)

    def array(self) -> np.ndarray:
        """Return all rows (N, …), memory-mapped."""
        if not self.length:
            return np.empty((0, *self.shape), self.kind)
        self.file.flush()
        return np.memmap(self.file, self.kind, "r", shape=(self.length, *self.shape)).view(np.ndarray)


class TextSpool(Sequence[str]):
    """Texts, one after another."""

    def __init__(self, folder: Path) -> None:
        """Begin with no text; ``folder`` exists, and has room."""
        self.characters = Spool(folder, np.uint8)
        self.ends = Spool(folder, np.int64)
        self.ends.append(np.zeros(1, np.int64))

    def __len__(self) -> int:
        return len(self.ends) - 1

    def append(self, texts: Sequence[str]) -> None:
        """Add ``texts``."""
        written = [text.encode() for text in texts]
        begin = len(self.characters)
        self.ends.append(begin + np.cumsum(np.fromiter(map(len, written), np.int64, len(written))))
        self.characters.append(np.frombuffer(b"".join(written), np.uint8))

    def read(self, start: int, stop: int) -> list[str]:
        """Return the texts from ``start`` to ``stop``."""
        if stop <= start:
            return []
        ends = self.ends.read(start, stop + 1).tolist()
        held = self.characters.read(ends[0], ends[-1]).tobytes()
        begin = ends[0]
        return [held[one - begin : other - begin].decode() for one, other in pairwise(ends)]

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> list[str]: ...

    def __getitem__(self, at: int | slice) -> str | list[str]:
        """Return a text, or those of a slice without a step."""
        if isinstance(at, slice):
            start, stop, _ = at.indices(len(self))
            return self.read(start, stop)
        return self.read(at, at + 1)[0]

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), BATCH):
            yield from self.read(start, min(start + BATCH, len(self)))

    def arrow(self) -> pa.Array:
        """Return all texts as Arrow's large strings, memory-mapped."""
        buffers = [None, pa.py_buffer(self.ends.array()), pa.py_buffer(self.characters.array())]
        return pa.Array.from_buffers(pa.large_string(), len(self), buffers)
