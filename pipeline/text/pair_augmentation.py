"""Altered copies of pairs of texts: one side of a pair or both, each as a text by itself is altered.

Which relation is left between the two only the teacher can say, as of every copy. What is borrowed from other pairs
comes from the same side of them: a question stays a question.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pipeline.text.augmentation import KINDS, Corpus
from pipeline.text.ids import altered_id
from pipeline.text.pairs import TextOrPair, sides_of
from pipeline.text.units import Units

# Which sides of a copy are altered, each as likely.
CHOICES = ((True, False), (False, True), (True, True))


def make_pair_copies(
    rows: Iterable[tuple[str, TextOrPair]], corpora: Sequence[Corpus], copies: int, kinds: Sequence[str], seed: int
) -> Iterator[tuple[str, TextOrPair]]:
    """Yield ids (``<id>#<kind>-<n>``) and pairs of ``copies`` altered copies of each of ``rows``, ids and pairs.

    Kinds are dealt in turn. A side that cannot be altered, such as a single word that has no part to cut, stays as it
    is. Equal ones are among them.
    """
    source = random.Random(seed)
    for at, (name, pair) in enumerate(rows):
        numbers: Counter[str] = Counter()
        for copy in range(copies):
            kind = kinds[(at + copy) % len(kinds)]
            numbers[kind] += 1
            made = []
            for text, corpus, is_altered in zip(sides_of(pair), corpora, source.choice(CHOICES), strict=True):
                made.append((KINDS[kind](Units(text), corpus, source) if is_altered else "") or text)
            yield altered_id(name, kind, numbers[kind]), (made[0], made[1])
