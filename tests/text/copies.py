"""The altered copies of some texts or pairs at once; ``prepare`` makes one after another and keeps them on disk."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from pipeline.text.augmentation import Corpus, make_copies
from pipeline.text.pair_augmentation import make_pair_copies
from pipeline.text.pairs import TextOrPair, sides_of

Text = TypeVar("Text", bound=TextOrPair)


def augment(
    texts: Sequence[str],
    ids: Sequence[str],
    copies: int,
    kinds: Sequence[str],
    seed: int,
    unlabelled: Sequence[str] = (),
) -> tuple[list[str], list[str]]:
    """Ids and texts of the copies that equal none of these texts and no earlier copy."""
    corpus = Corpus([*texts, *unlabelled])
    return _new(make_copies(zip(ids, texts, strict=True), corpus, copies, kinds, seed), corpus.texts)


def augment_pairs(
    pairs: Sequence[TextOrPair], ids: Sequence[str], copies: int, kinds: Sequence[str], seed: int
) -> tuple[list[str], list[TextOrPair]]:
    """Ids and pairs of the copies that equal none of these pairs and no earlier copy."""
    corpora = [Corpus(side) for side in zip(*map(sides_of, pairs), strict=True)]
    return _new(make_pair_copies(zip(ids, pairs, strict=False), corpora, copies, kinds, seed), pairs)


def _new(made: Iterable[tuple[str, Text]], known: Iterable[Text]) -> tuple[list[str], list[Text]]:
    seen = set(known)
    kept: dict[Text, str] = {}
    for name, text in made:
        if text not in seen:
            kept.setdefault(text, name)
    return list(kept.values()), list(kept)
