"""Texts by their hashes: eight bytes each, so that what is to be compared fits into memory.

Of a billion different texts two share a hash with a probability of three in a hundred, of a million with one of three
in a hundred million.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np

from pipeline.spool import Spool

# Rows that are sorted at once, and the most parts that all are taken in.
PART, PARTS = 2**17, 64


def hash_texts(texts: Iterable[str], secret: bytes = b"", size: int = 8) -> np.ndarray:
    """Return the first 64 bits of a BLAKE2b of ``size`` bytes of each text: (N,) strings → (N,) uint64.

    The first byte weighs most, so hashes are in the order of their digests.
    """
    digests = b"".join(blake2b(text.encode(), digest_size=size, key=secret).digest()[:8] for text in texts)
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)


def is_among(hashes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mark the ``hashes`` (N,) that are among ``known``, which is sorted: (N,) bool."""
    if not len(known):
        return np.zeros(len(hashes), dtype=bool)
    found: np.ndarray = known[np.minimum(np.searchsorted(known, hashes), len(known) - 1)] == hashes
    return found


def parts_of(hashes: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the numbers of some rows at a time, in their order; rows of equal hashes come together."""
    parts = min(max(len(hashes) // PART, 1), PARTS)
    part = (hashes >> np.uint64(32)) * np.uint64(parts) >> np.uint64(32)
    for each in range(parts):
        yield np.flatnonzero(part == each)


def number_kind(count: int) -> type[np.signedinteger]:
    """The smallest of two kinds of integers that numbers ``count`` things: four bytes a row hold two billion."""
    return np.int32 if count < 2**31 else np.int64


def first_with(hashes: np.ndarray) -> np.ndarray:
    """Return the number of the first row that has the hash of each: (N,) uint64 → (N,) int32 or int64."""
    first = np.empty(len(hashes), number_kind(len(hashes)))
    for rows in parts_of(hashes):
        _, at, inverse = np.unique(hashes[rows], return_index=True, return_inverse=True)
        first[rows] = rows[at[inverse]]
    return first


class HashSet:
    """Hashes on disk, of which one of ``PARTS`` parts is in memory at a time."""

    def __init__(self, folder: Path) -> None:
        """Begin with none; ``folder`` exists, and has room."""
        self.folder = folder
        self.parts = [Spool(folder, np.uint64) for _ in range(PARTS)]
        # A part begins where the hashes' highest bits change.
        self.bounds = np.arange(1, PARTS, dtype=np.uint64) * np.uint64(2**64 // PARTS)

    def add(self, hashes: np.ndarray) -> None:
        """Add hashes (M,)."""
        for part, some in zip(self.parts, self._cut(np.unique(hashes)), strict=True):
            part.append(some)

    def seal(self) -> None:
        """Put the hashes in order; no more are added afterwards."""
        for at, part in enumerate(self.parts):
            self.parts[at] = Spool(self.folder, np.uint64)
            self.parts[at].append(np.unique(part.array()))

    def mark(self, hashes: np.ndarray) -> np.ndarray:
        """Mark the ``hashes`` (N,) that were added: (N,) bool."""
        order = np.argsort(hashes)
        found = np.zeros(len(hashes), dtype=bool)
        some = zip(self.parts, self._cut(hashes[order]), strict=True)
        found[order] = np.concatenate([is_among(each, part.read(0, len(part))) for part, each in some])
        return found

    def _cut(self, hashes: np.ndarray) -> list[np.ndarray]:
        return np.split(hashes, np.searchsorted(hashes, self.bounds))
