"""Texts from outside that hold a held-out text, or a long run of one, and so must not be learnt from.

As in the contamination check of the GPT-4 technical report (OpenAI 2023, appendix C) texts are compared as letters and
digits alone, a run of letters in common is a match, and a text shorter than a run counts whole: other spaces, hyphens,
case or tokenization hide nothing. Here every run is looked for instead of three drawn at random, and shorter ones: 32
letters, some seven English words. GPT-3's authors (Brown et al. 2020, appendix C) found n-grams below eight words to
match by chance; such a match costs one unlabelled text of many, a leak would cost the measure.
"""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from pipeline.spool import BATCH
from pipeline.text.deduplication import loose_key
from pipeline.text.hashing import HashSet, hash_texts, is_among

# Characters in common that make a match, and the least of a short text that does: "thank you" is said by everyone.
RUN, SHORT = 32, 16
# The same where one character is a syllable or a word: kana, Chinese characters, Hangul.
DENSE_RUN, DENSE_SHORT = 12, 6
DENSE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")

# Characters hashed at once: some ten MB of arrays.
BLOCK = 2**19


class HeldOut:
    """The held-out texts, indexed by their runs of letters; the index lies on disk."""

    def __init__(self, texts: Iterable[str], folder: Path | None = None) -> None:
        """Index ``texts`` in ``folder``; one too short for a run to tell is matched by its loose key alone."""
        self.folder = folder or Path(tempfile.gettempdir())
        self.runs: dict[int, HashSet] = {}
        self.short: dict[int, Short] = {}
        whole = [np.zeros(0, np.uint64)]
        keys = map(loose_key, texts)
        while some := list(dict.fromkeys(islice(keys, BATCH))):
            whole.append(hash_texts(some))
            dense = {key for key in some if 2 * len(DENSE.findall(key)) > len(key)}
            self._index([key for key in some if key not in dense], RUN, SHORT)
            self._index([key for key in some if key in dense], DENSE_RUN, DENSE_SHORT)
        self.keys = np.unique(np.concatenate(whole))
        for runs in self.runs.values():
            runs.seal()
        for short in self.short.values():
            short.seal()

    def _index(self, keys: Sequence[str], run: int, short: int) -> None:
        for _, block in _blocks([key for key in keys if len(key) >= run]):
            if run not in self.runs:
                self.runs[run] = HashSet(self.folder)
            self.runs[run].add(_hash_runs(block, run)[0])
        if some := [key for key in keys if short <= len(key) < run]:
            self.short.setdefault(short, Short(short)).add(some)

    def find(self, keys: Sequence[str]) -> np.ndarray:
        """Mark the texts, given by their loose keys, that are or contain something held out: (N,) → (N,) bool."""
        found = is_among(hash_texts(keys), self.keys)
        for start, block in _blocks(keys):
            for run, runs in self.runs.items():
                hashes, rows, _ = _hash_runs(block, run)
                found[start + np.unique(rows[runs.mark(hashes)])] = True
            for short in self.short.values():
                found[start + short.rows_with(block)] = True
        return found


class Short:
    """Texts that are matched whole, as hashes: of their first ``width`` letters, and of all by their length."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.heads: list[np.ndarray] = []
        self.whole: dict[int, list[np.ndarray]] = {}

    def add(self, keys: Sequence[str]) -> None:
        """Add keys of ``width`` letters or more."""
        self.heads.append(np.unique(_hash_runs([key[: self.width] for key in keys], self.width)[0]))
        for length in {len(key) for key in keys}:
            self.whole.setdefault(length, []).append(hash_texts(key for key in keys if len(key) == length))

    def seal(self) -> None:
        """Put the hashes in order; no more are added afterwards."""
        self.heads = [np.unique(np.concatenate(self.heads))]
        self.whole = {length: [np.unique(np.concatenate(parts))] for length, parts in sorted(self.whole.items())}

    def rows_with(self, keys: Sequence[str]) -> np.ndarray:
        """Return the numbers of the ``keys`` that contain one of those that were added."""
        hashes, rows, places = _hash_runs(keys, self.width)
        begun = np.flatnonzero(is_among(hashes, self.heads[0]))
        found = {row for row, at in zip(rows[begun].tolist(), places[begun].tolist(), strict=True)
                 if self._begins(keys[row], at)}  # fmt: skip
        return np.array(sorted(found), np.int64)

    def _begins(self, key: str, at: int) -> bool:
        return any(
            at + length <= len(key) and bool(is_among(hash_texts([key[at : at + length]]), known).any())
            for length, (known,) in self.whole.items()
        )


def _blocks(keys: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Cut ``keys`` into parts of a bounded number of characters; yield where each starts, and the part."""
    start = characters = 0
    for at, key in enumerate(keys, 1):
        characters += len(key) + 1
        if characters >= BLOCK or at == len(keys):
            yield start, keys[start:at]
            start, characters = at, 0


def _hash_runs(keys: Sequence[str], width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hash every run of ``width`` characters inside a key; return the hashes, the row of ``keys`` each is of, and its
    place in it.

    A run is a vector of code points, its hash the product with fixed random weights modulo 2^64.
    """
    joined = "".join(f"{key}\0" for key in keys) + "\0" * (width - 1)
    codes = np.frombuffer(joined.encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    weights = np.random.default_rng(width).integers(2**64, size=width, dtype=np.uint64)
    hashes = np.lib.stride_tricks.sliding_window_view(codes, width) @ weights
    ends = np.concatenate([[0], np.cumsum(codes == 0)])
    inside = ends[width:] == ends[:-width]
    lengths = np.array([len(key) + 1 for key in keys], np.int64)
    rows = np.repeat(np.arange(len(keys)), lengths)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return hashes[inside], rows[inside], places[inside]
