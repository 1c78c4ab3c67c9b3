"""Texts from outside that hold a held-out text, or a long run of one, and so must not be learnt from.

As in the contamination check of the GPT-4 technical report (OpenAI 2023, appendix C) texts are compared as letters and
digits alone, a run of letters in common is a match, and a text shorter than a run counts whole: other spaces, hyphens,
case or tokenization hide nothing. Here every run is looked for instead of three drawn at random, and shorter ones: 32
letters, some seven English words. GPT-3's authors (Brown et al. 2020, appendix C) found n-grams below eight words to
match by chance; such a match costs one unlabelled text of many, a leak would cost the measure.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from pipeline.text.deduplication import loose_key

# Characters in common that make a match, and the least of a short text that does: "thank you" is said by everyone.
RUN, SHORT = 32, 16
# The same where one character is a syllable or a word: kana, Chinese characters, Hangul.
DENSE_RUN, DENSE_SHORT = 12, 6
DENSE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")

# Characters hashed at once: some hundred MB of arrays.
BLOCK = 2**21


class HeldOut:
    """The held-out texts, indexed by their runs of letters."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Index ``texts``; one too short for a run to tell is matched by its loose key alone."""
        self.keys = frozenset(loose_key(text) for text in texts)
        self.runs: dict[int, np.ndarray] = {}
        self.short: dict[int, dict[str, list[str]]] = {}
        dense = frozenset(key for key in self.keys if 2 * len(DENSE.findall(key)) > len(key))
        self._index(self.keys - dense, RUN, SHORT)
        self._index(dense, DENSE_RUN, DENSE_SHORT)

    def _index(self, keys: frozenset[str], run: int, short: int) -> None:
        long = [key for key in keys if len(key) >= run]
        if long:
            hashes = [np.unique(_hash_runs(block, run)[0]) for _, block in _blocks(long)]
            self.runs[run] = np.unique(np.concatenate(hashes))
        for key in keys:
            if short <= len(key) < run:
                self.short.setdefault(short, {}).setdefault(key[:short], []).append(key)

    def find(self, keys: Sequence[str]) -> np.ndarray:
        """Mark the texts, given by their loose keys, that are or contain something held out: (N,) → (N,) bool."""
        found = np.array([key in self.keys for key in keys], dtype=bool)
        for start, block in _blocks(keys):
            for run, hashes in self.runs.items():
                found[start + _rows_with(block, run, hashes)] = True
            for short, heads in self.short.items():
                for row in _rows_with(block, short, _hash_runs(list(heads), short)[0]):
                    found[start + row] |= _holds_one(block[row], short, heads)
        return found


def _blocks(keys: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Cut ``keys`` into parts of a bounded number of characters; yield where each starts, and the part."""
    start = characters = 0
    for at, key in enumerate(keys, 1):
        characters += len(key) + 1
        if characters >= BLOCK or at == len(keys):
            yield start, keys[start:at]
            start, characters = at, 0


def _rows_with(keys: Sequence[str], width: int, wanted: np.ndarray) -> np.ndarray:
    hashes, rows = _hash_runs(keys, width)
    found: np.ndarray = np.unique(rows[pd.Series(hashes).isin(wanted).to_numpy()])
    return found


def _hash_runs(keys: Sequence[str], width: int) -> tuple[np.ndarray, np.ndarray]:
    """Hash every run of ``width`` characters inside a key; return the hashes and the row of ``keys`` each is of.

    A run is a vector of code points, its hash the product with fixed random weights modulo 2^64.
    """
    joined = "".join(f"{key}\0" for key in keys) + "\0" * (width - 1)
    codes = np.frombuffer(joined.encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    weights = np.random.default_rng(width).integers(2**64, size=width, dtype=np.uint64)
    hashes = np.lib.stride_tricks.sliding_window_view(codes, width) @ weights
    ends = np.concatenate([[0], np.cumsum(codes == 0)])
    inside = ends[width:] == ends[:-width]
    rows = np.repeat(np.arange(len(keys)), [len(key) + 1 for key in keys])
    return hashes[inside], rows[inside]


def _holds_one(key: str, width: int, heads: dict[str, list[str]]) -> bool:
    return any(
        key.startswith(short, at) for at in range(len(key) - width + 1) for short in heads.get(key[at : at + width], ())
    )
