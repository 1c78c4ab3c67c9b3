"""Altered copies of texts, which only a teacher can label: spans, hidden words, spliced halves.

Words are separated by white space; in scripts that write none (Chinese, Japanese, Thai, Lao, Khmer,
Burmese) a character with its marks stands for a word.
"""

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from pipeline.text.placeholder import MASK

HIDDEN_SHARE = 0.3

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


class Units:
    """A text as the words, or the characters, that are cut, hidden and spliced."""

    def __init__(self, text: str) -> None:
        """Take ``text`` apart."""
        self.spaced = 2 * len(UNSPACED.findall(text)) < len(text)
        self.units = text.split() if self.spaced else _characters(text)
        self.joint = " " if self.spaced else ""

    def __len__(self) -> int:
        return len(self.units)

    def join(self, units: Sequence[str]) -> str:
        """Put units together again."""
        return self.joint.join(units).strip()


def _characters(text: str) -> list[str]:
    characters: list[str] = []
    for character in text:
        if characters and unicodedata.category(character)[0] == "M":
            characters[-1] += character
        else:
            characters.append(character)
    return characters


def augment(
    texts: Sequence[str], ids: Sequence[str], copies: int, kinds: Sequence[str], seed: int
) -> tuple[list[str], list[str]]:
    """Return ids (``<id>#<kind>-<n>``) and texts of up to ``copies`` altered copies of every text.

    Kinds are dealt in turn. A copy that equals a text or an earlier copy is left out, and so is one
    that cannot be made: a single word has no part to cut.
    """
    source = random.Random(seed)
    taken = [Units(text) for text in texts]
    seen = set(texts)
    new_ids: list[str] = []
    new_texts: list[str] = []
    for at, units in enumerate(taken):
        numbers: Counter[str] = Counter()
        for copy in range(copies):
            kind = kinds[(at + copy) % len(kinds)]
            numbers[kind] += 1
            made = _alter(kind, units, taken, source)
            if made and made not in seen:
                seen.add(made)
                new_ids.append(f"{ids[at]}#{kind}-{numbers[kind]}")
                new_texts.append(made)
    return new_ids, new_texts


def _alter(kind: str, units: Units, others: Sequence[Units], source: random.Random) -> str:
    if kind == "splice":
        return splice(units, others[source.randrange(len(others))], source)
    return cut(units, source) if kind == "cut" else mask(units, source)


def cut(units: Units, source: random.Random) -> str:
    """Return a contiguous span, at least a quarter of the words and never all; "" of a single word."""
    if len(units) < 2:
        return ""
    length = source.randint(max(1, len(units) // 4), len(units) - 1)
    start = source.randint(0, len(units) - length)
    return units.join(units.units[start : start + length])


def mask(units: Units, source: random.Random) -> str:
    """Return the text with each word hidden with probability 0.3, at least one and not all; "" of a single word."""
    if len(units) < 2:
        return ""
    hidden = [source.random() < HIDDEN_SHARE for _ in units.units]
    if not any(hidden):
        hidden[source.randrange(len(hidden))] = True
    if all(hidden):
        hidden[source.randrange(len(hidden))] = False
    return units.join([MASK if hide else unit for unit, hide in zip(units.units, hidden, strict=True)])


def splice(units: Units, other: Units, source: random.Random) -> str:
    """Return the first part of one text followed by the last part of another."""
    head = units.units[: source.randint(1, max(1, len(units) - 1))]
    tail = other.units[-source.randint(1, max(1, len(other) - 1)) :]
    joint = " " if units.spaced or other.spaced else ""
    return f"{units.join(head)}{joint}{other.join(tail)}"
