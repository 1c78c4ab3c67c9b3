"""Altered copies of texts, which only a teacher can label: parts, hidden, foreign, moved and missing words.

The kinds need no dictionary, no tagger and no model, only the texts, so they serve every language. Copies that keep
the label, as those of EDA do (Wei and Zou 2019), alter few words; here the teacher reads each copy, so more of a text
may change (Tang et al. 2019, "Distilling Task-Specific Knowledge from BERT into Simple Neural Networks", section
"Data Augmentation for Distillation"; Jiao et al. 2020, "TinyBERT", who replace words with probability 0.4).
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

from pipeline.text.ids import altered_id
from pipeline.text.placeholder import MASK
from pipeline.text.units import Units

# Probability of each word to be hidden, replaced or dropped.
SHARE = 0.3
# Rare words are drawn more often than they occur (Mikolov et al. 2013, negative sampling).
SMOOTHING = 0.75
# Places that a word may move (Lample et al. 2018, "Unsupervised Machine Translation Using Monolingual Corpora Only").
REACH = 3
# Spans that are joined.
FRAGMENTS = (3, 4)


class Corpus:
    """The texts that copies borrow from: a text at random, or words by their smoothed frequency."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Count the words of ``texts``."""
        self.texts = texts
        counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
        for text in texts:
            units = Units(text)
            counts[units.spaced].update(units.units)
        self.words = {spaced: list(counter) for spaced, counter in counts.items()}
        self.weights = {
            spaced: list(accumulate(count**SMOOTHING for count in counter.values()))
            for spaced, counter in counts.items()
        }

    def draw_text(self, source: random.Random) -> Units:
        """Return one of the texts."""
        return Units(self.texts[source.randrange(len(self.texts))])

    def draw_words(self, like: Units, number: int, source: random.Random) -> list[str]:
        """Return ``number`` words of texts that are written as ``like`` is, with spaces or without."""
        return source.choices(self.words[like.spaced], cum_weights=self.weights[like.spaced], k=number)


def cut(units: Units, corpus: Corpus, source: random.Random) -> str:
    """Return a contiguous span, at least a quarter of the words and never all (Tang et al.: n-gram sampling)."""
    if len(units) < 2:
        return ""
    length = source.randint(max(1, len(units) // 4), len(units) - 1)
    return units.join(_span(units, length, source))


def mask(units: Units, corpus: Corpus, source: random.Random) -> str:
    """Return the text with some words hidden (Tang et al.: masking)."""
    chosen = _choose(len(units), source)
    return units.join([MASK if at in chosen else unit for at, unit in enumerate(units.units)]) if chosen else ""


def replace(units: Units, corpus: Corpus, source: random.Random) -> str:
    """Return the text with some words replaced by words of the corpus (Tang et al., without their tagger)."""
    words = list(units.units)
    chosen = _choose(len(units), source)
    for at, word in zip(chosen, corpus.draw_words(units, len(chosen), source), strict=True):
        words[at] = word
    return units.join(words) if chosen else ""


def drop(units: Units, corpus: Corpus, source: random.Random) -> str:
    """Return the text without some words (EDA: random deletion)."""
    chosen = _choose(len(units), source)
    return units.join([unit for at, unit in enumerate(units.units) if at not in chosen]) if chosen else ""


def shuffle(units: Units, corpus: Corpus, source: random.Random) -> str:
    """Return the text with its words in another order, each at most three places away (Lample et al., section 2.3)."""
    places = [at + source.random() * (REACH + 1) for at in range(len(units))]
    return units.join([units.units[at] for at in sorted(range(len(units)), key=places.__getitem__)])


def splice(units: Units, corpus: Corpus, source: random.Random) -> str:
    """Return the first part of the text followed by the last part of another."""
    other = corpus.draw_text(source)
    head = units.units[: source.randint(1, max(1, len(units) - 1))]
    tail = other.units[-source.randint(1, max(1, len(other) - 1)) :]
    return _join([(units, head), (other, tail)])


def mix(units: Units, corpus: Corpus, source: random.Random) -> str:
    """Return spans of the text and of two or three others, in any order, each at most half of its text."""
    parts = [units, *(corpus.draw_text(source) for _ in range(source.randint(*FRAGMENTS) - 1))]
    source.shuffle(parts)
    return _join([(part, _span(part, source.randint(1, max(1, len(part) // 2)), source)) for part in parts])


Alteration = Callable[[Units, Corpus, random.Random], str]

# By the names that params.yaml knows them by; "" stands for a copy that cannot be made.
KINDS: dict[str, Alteration] = {
    "cut": cut,
    "mask": mask,
    "splice": splice,
    "replace": replace,
    "mix": mix,
    "shuffle": shuffle,
    "drop": drop,
}


def make_copies(
    rows: Iterable[tuple[str, str]], corpus: Corpus, copies: int, kinds: Sequence[str], seed: int
) -> Iterator[tuple[str, str]]:
    """Yield ids (``<id>#<kind>-<n>``) and texts of up to ``copies`` altered copies of each of ``rows``, ids and texts.

    Kinds are dealt in turn; words and parts are borrowed from ``corpus``. One that cannot be made is left out: a single
    word has no part to cut. Equal ones are among them.
    """
    source = random.Random(seed)
    for at, (name, text) in enumerate(rows):
        units = Units(text)
        numbers: Counter[str] = Counter()
        for copy in range(copies):
            kind = kinds[(at + copy) % len(kinds)]
            numbers[kind] += 1
            if made := KINDS[kind](units, corpus, source):
                yield altered_id(name, kind, numbers[kind]), made


def _choose(number: int, source: random.Random) -> dict[int, None]:
    """Return places in order, each with the probability ``SHARE``, at least one and not all; none of a single word."""
    if number < 2:
        return {}
    chosen = [at for at in range(number) if source.random() < SHARE] or [source.randrange(number)]
    if len(chosen) == number:
        del chosen[source.randrange(number)]
    return dict.fromkeys(chosen)


def _span(units: Units, length: int, source: random.Random) -> list[str]:
    start = source.randint(0, len(units) - length)
    return units.units[start : start + length]


def _join(parts: Sequence[tuple[Units, list[str]]]) -> str:
    """Join parts of several texts, with a space where one of them writes spaces."""
    joint = " " if any(units.spaced for units, _ in parts) else ""
    return joint.join(units.join(part) for units, part in parts)
