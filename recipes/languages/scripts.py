"""What a text is written in: the script of its letters, and its words, also where no spaces are written."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache

from pipeline.text.units import UNSPACED, Units

# Scripts that stand together in one text of Japanese or Korean, and count as one.
TOGETHER = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK", "HALFWIDTH": "CJK", "IDEOGRAPHIC": "CJK"}
EDGES = re.compile(r"^[\W\d_]+|[\W\d_]+$")


@cache
def script_of(letter: str) -> str:
    """Return the script of a letter, by the first word of its Unicode name: ``LATIN``; "" for what is no letter."""
    if not letter.isalpha():
        return ""
    first = unicodedata.name(letter, "").partition(" ")[0]
    return TOGETHER.get(first, first)


def main_scripts(texts: Iterable[str], share: float = 0.15) -> frozenset[str]:
    """Return the scripts that have ``share`` of the letters at least: one, or two where a language has two."""
    counts = Counter(script for text in texts for letter in text if (script := script_of(letter)))
    total = sum(counts.values())
    return frozenset(script for script, count in counts.items() if count >= share * total)


def is_written_in(text: str, scripts: frozenset[str]) -> bool:
    """Whether most letters of ``text`` are of one of the ``scripts``."""
    found = [script for letter in text if (script := script_of(letter))]
    return 2 * sum(script in scripts for script in found) > len(found)


def words_of(text: str, characters: int = 2) -> list[str]:
    """Return the words of a text in their order, without what stands around them, digits and signs.

    Where no spaces are written, ``characters`` of them (with their marks) stand for a word.
    """
    found: list[str] = []
    for part in text.split():
        if UNSPACED.search(part):
            # Signs part words there, too.
            for run in re.split(r"[^\w\u0e30-\u0e4e\u0eb0-\u0ecd\u102b-\u103e\u17b4-\u17d3]+|[\d_]+", part):
                units = Units(run).units
                found += ["".join(group) for group in _groups(units, characters)]
        elif word := strip_edges(part):
            found.append(word)
    return found


def strip_edges(word: str) -> str:
    """Return ``word`` without the signs and digits around it, but with the marks that belong to its letters."""
    stripped = EDGES.sub("", word)
    start = word.find(stripped) + len(stripped)
    for character in word[start:]:
        if unicodedata.category(character)[0] != "M":
            break
        stripped += character
    return stripped if any(character.isalpha() for character in stripped) else ""


def join_words(words: Iterable[str]) -> str:
    """Put words together as their script does: ``["你好", "世界"]`` → ``你好世界``."""
    listed = list(words)
    return ("" if all(UNSPACED.search(word) for word in listed) else " ").join(listed)


def _groups(units: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(units) - size + 1, size):
        yield units[start : start + size]
