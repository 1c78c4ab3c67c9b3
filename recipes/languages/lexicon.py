"""Words by frequency: jusText's lists, which are in falling order, and wordfreq's, which are in bins of a centibel."""

import gzip
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.errors import GraftError
from recipes.languages.scripts import is_written_in, main_scripts, strip_edges

# How many of a list are kept; and where a word of rank r stands, 1 / (r + FLAT), after Mandelbrot's form of Zipf's law.
WORDS, FLAT = 30_000, 3

# How many times more frequent a word must be in another language to be a foreign one here.
FOREIGN = 30.0


def read_stoplist(path: Path) -> dict[str, float]:
    """Return the words of a list with their shares of the text, as far as their ranks tell."""
    words = path.read_text(encoding="utf-8").split("\n")
    return normalised({word: 1 / (rank + FLAT) for rank, word in enumerate(words)})


def read_frequencies(path: Path) -> dict[str, float]:
    """Return the words of a list of wordfreq's with their shares: bin b holds those of frequency 10^(-b/100)."""
    bins, end = _unpack(gzip.decompress(path.read_bytes()), 0)
    if end == 0 or not isinstance(bins, list):
        raise GraftError(f"{path.name} is no list of words; the package is not the one that the recipe knows")
    return normalised({word: 10 ** (-at / 100) for at, words in enumerate(bins[1:]) for word in words})


def normalised(weights: dict[str, float]) -> dict[str, float]:
    """Return the ``WORDS`` heaviest words in small letters, of the scripts of the whole, with weights that sum to 1."""
    found: dict[str, float] = {}
    for word, weight in sorted(weights.items(), key=lambda item: (-item[1], item[0])):
        bare = strip_edges(word).lower()
        if bare:
            found[bare] = found.get(bare, 0) + weight
    scripts = main_scripts(found)
    kept = [(word, weight) for word, weight in found.items() if is_written_in(word, scripts)]
    kept = sorted(kept, key=lambda item: (-item[1], item[0]))[:WORDS]
    total = sum(weight for _, weight in kept)
    return {word: weight / total for word, weight in kept}


def mixed(parts: Iterable[tuple[float, dict[str, float]]]) -> dict[str, float]:
    """Return the weighted sum of lists; an empty list has no share."""
    present = [(share, words) for share, words in parts if words]
    total = sum(share for share, _ in present)
    found: dict[str, float] = {}
    for share, words in present:
        for word, weight in words.items():
            found[word] = found.get(word, 0) + share / total * weight
    return found


def without_foreign(lists: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Take from every language's words those that another uses ``FOREIGN`` times as often: names and quotations."""
    highest: dict[str, float] = {}
    for words in lists.values():
        for word, weight in words.items():
            highest[word] = max(weight, highest.get(word, 0))
    return {
        language: {word: weight for word, weight in words.items() if highest[word] < FOREIGN * weight}
        for language, words in lists.items()
    }


def owners(lists: dict[str, dict[str, float]]) -> dict[str, str]:
    """Return the language of each word: the one that uses it most."""
    best: dict[str, tuple[float, str]] = {}
    for language, words in lists.items():
        for word, weight in words.items():
            if weight > best.get(word, (0.0, ""))[0]:
                best[word] = (weight, language)
    return {word: language for word, (_, language) in best.items()}


def _unpack(data: bytes, at: int) -> tuple[Any, int]:
    """Read one value of MessagePack, as far as lists of words need it; return it and where it ends, 0 on a fault."""
    kind = data[at]
    sizes = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xDC: ">H", 0xDD: ">I"}
    start = at + 1
    if kind in sizes:
        length = struct.unpack_from(sizes[kind], data, start)[0]
        start += struct.calcsize(sizes[kind])
    elif kind < 0x80:
        return kind, start
    else:
        length = kind & (0x1F if 0xA0 <= kind < 0xC0 else 0x0F)
    if 0xA0 <= kind < 0xC0 or kind in (0xD9, 0xDA, 0xDB):
        return data[start : start + length].decode("utf-8"), start + length
    if 0x80 <= kind < 0x90:
        length *= 2  # a map is read as a list of keys and values
    elif not (0x90 <= kind < 0xA0 or kind in (0xDC, 0xDD)):
        return None, 0
    values = []
    for _ in range(length):
        value, start = _unpack(data, start)
        if start == 0:
            return None, 0
        values.append(value)
    return values, start
