"""A byte-level n-gram model: interpolated modified Kneser-Ney.

Chen & Goodman 1998, "An Empirical Study of Smoothing Techniques for Language Modeling" (TR-10-98), section 3: orders
below the highest count in how many contexts an n-gram stands, not how often (Kneser & Ney 1995), three discounts an
order follow from the counts of counts (eq. 17), and each order is interpolated with the one below; the lowest with the
uniform distribution over the 256 bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BYTES = 256
HIGHEST = 7  # bytes that an int64 holds as one code

# A discount of 0 would leave nothing for bytes that were not seen; the formula may fall below it on little text.
LEAST = 0.1


@dataclass(frozen=True)
class Level:
    """One order m: ``grams`` (G,) sorted codes of m bytes with their discounted ``shares`` (G,) of their context;
    ``contexts`` (C,) sorted codes of m - 1 bytes with what each leaves to the order below, ``rest`` (C,).
    """

    grams: np.ndarray
    shares: np.ndarray
    contexts: np.ndarray
    rest: np.ndarray


@dataclass(frozen=True)
class NGram:
    """``levels[m]`` is the order m + 1; without any every byte has probability 1/256."""

    levels: Sequence[Level]

    @classmethod
    def fit(cls, text: bytes, order: int) -> "NGram":
        """Count the n-grams of ``text`` up to ``order`` bytes, from 0 to ``HIGHEST``."""
        assert 0 <= order <= HIGHEST
        stream = np.frombuffer(text, np.uint8).astype(np.int64)
        levels: list[Level] = []
        # From the highest down: each m-gram counts once for every byte that stands before it.
        grams, counts = np.unique(_codes(np.lib.stride_tricks.sliding_window_view(stream, order)), return_counts=True)
        for size in range(order, 0, -1):
            levels.insert(0, _level(grams, counts))
            grams, counts = np.unique(grams % BYTES ** (size - 1), return_counts=True)
        return cls(levels)

    def probabilities(self, text: bytes, before: bytes = b"") -> np.ndarray:
        """The probability of each byte of ``text`` (N,) after those in front of it, the first ones after ``before``."""
        padded = before.rjust(len(self.levels), b"\n") + text
        stream = np.frombuffer(padded, np.uint8).astype(np.int64)
        windows = np.lib.stride_tricks.sliding_window_view(stream, len(self.levels) + 1)[-len(text) :]
        return self._guess(windows)

    def distribution(self, before: bytes) -> np.ndarray:
        """The probabilities (256,) of the byte after ``before``."""
        padded = before.rjust(len(self.levels), b"\n")
        after = padded[len(padded) - len(self.levels) :]
        rows = np.empty((BYTES, len(self.levels) + 1), np.int64)
        rows[:, :-1] = np.frombuffer(after, np.uint8)
        rows[:, -1] = np.arange(BYTES)
        return self._guess(rows)

    def _guess(self, windows: np.ndarray) -> np.ndarray:
        """The probability of the last byte of each window (N, more than order) given those before it."""
        found = np.full(len(windows), 1 / BYTES)
        for size, level in enumerate(self.levels, 1):
            grams = _codes(windows[:, -size:])
            share, _ = _look_up(level.grams, level.shares, grams)
            rest, seen = _look_up(level.contexts, level.rest, grams // BYTES)
            found = np.where(seen, share + rest * found, found)
        return found


def discounts(counts: np.ndarray) -> np.ndarray:
    """What is taken off a count of 0, 1, 2 and of 3 or more, (4,), by how many ``counts`` (G,) are 1, 2, 3 and 4."""
    once, twice, thrice, four = (int((counts == number).sum()) for number in (1, 2, 3, 4))
    if not min(once, twice, thrice, four):
        # Too few kinds, as among 256 single bytes: half of each.
        return np.array([0.0, 0.5, 1.0, 1.5])
    of_one = once / (once + 2 * twice)
    found = [1 - 2 * of_one * twice / once, 2 - 3 * of_one * thrice / twice, 3 - 4 * of_one * four / thrice]
    return np.concatenate([[0.0], np.clip(found, LEAST, [1, 2, 3])])


def _level(grams: np.ndarray, counts: np.ndarray) -> Level:
    contexts, first = np.unique(grams // BYTES, return_index=True)
    taken = discounts(counts)[np.minimum(counts, 3)]
    totals = np.add.reduceat(counts, first)
    of_gram = np.repeat(totals, np.diff(np.append(first, len(grams))))
    return Level(grams, (counts - taken) / of_gram, contexts, np.add.reduceat(taken, first) / totals)


def _codes(windows: np.ndarray) -> np.ndarray:
    """Bytes (N, m) as one number each (N,), the first byte the highest digit."""
    codes = np.zeros(len(windows), np.int64)
    for column in windows.T:
        codes = codes * BYTES + column
    return codes


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The value of each ``wanted`` key, 0 where it is none of the sorted ``keys``, and whether it is one."""
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    seen = keys[at] == wanted
    return np.where(seen, values[at], 0.0), seen
