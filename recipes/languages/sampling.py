"""Training texts of one language: single words, pairs, phrases drawn from its words, and sentences that were written.

Words are drawn the more often the more frequent they are, but rare ones more often than they occur, for a word that is
never drawn teaches nothing.
"""

import random
from collections.abc import Sequence
from itertools import accumulate, pairwise

from recipes.languages.scripts import join_words, script_of, words_of

# Texts of each kind; and how much drawing follows the words' frequency (1: wholly, 0: not at all).
SINGLES, PAIRS, PHRASES, SENTENCES = 1200, 1500, 1000, 1300
SMOOTHING = 0.6
# Words of a phrase; at most so many words of a sentence are kept, and half of the sentences are cut shorter. What
# software says is short: every DOUBLED-th sentence is also joined to the next of these.
SHORTEST, LONGEST, KEPT, DOUBLED = 3, 9, 30, 4


def training_texts(
    words: dict[str, float], single: Sequence[str], sentences: Sequence[str], scale: float, source: random.Random
) -> list[str]:
    """Return different texts of a language.

    ``words`` with their weights are what pairs and phrases are made of, ``single`` those that may stand alone; of both
    there may be none. ``scale`` is the share of the usual number of texts.
    """
    found: dict[str, None] = {}
    found.update(dict.fromkeys(single[: round(SINGLES * scale)]))
    chosen = list(sentences)
    source.shuffle(chosen)
    written = chosen[: round(SENTENCES * scale)]
    doubled = [f"{one} {other}" for one, other in pairwise(written[::DOUBLED])]
    found.update(dict.fromkeys(_shortened(text, source) for text in (*written, *doubled)))
    drawn = _Drawing(words, source)
    # A language without a list has the words of its sentences alone: pairs as they stand in them are better.
    found.update(dict.fromkeys(_pairs_of(chosen, round(PAIRS * scale * (0.3 if words else 1)), source)))
    if words:
        found.update(dict.fromkeys(drawn.text(2) for _ in range(round(PAIRS * scale * 0.7))))
        phrases = round((PHRASES + SENTENCES) * scale) - len(written)
        found.update(dict.fromkeys(drawn.text(source.randint(SHORTEST, LONGEST)) for _ in range(phrases)))
    return [text for text in found if text]


class _Drawing:
    def __init__(self, words: dict[str, float], source: random.Random) -> None:
        self.words = list(words)
        self.weights = list(accumulate(weight**SMOOTHING for weight in words.values()))
        self.source = source

    def text(self, length: int) -> str:
        """Return up to ``length`` words that were drawn, put together: those of the first one's script."""
        words = self.source.choices(self.words, cum_weights=self.weights, k=length)
        script = script_of(words[0][0])
        return join_words(word for word in words if script_of(word[0]) == script)


def _shortened(text: str, source: random.Random) -> str:
    """Return the text or, half of the times, a part of it; a text whose words cannot be told apart as it is."""
    words = text.split()
    if len(words) < 3:
        return text
    length = source.randint(2, len(words)) if source.random() < 0.5 else len(words)
    start = source.randint(0, len(words) - length)
    return " ".join(words[start : start + min(length, KEPT)])


def _pairs_of(sentences: Sequence[str], number: int, source: random.Random) -> list[str]:
    """Return up to ``number`` pairs of words that stand side by side, one or two of a sentence."""
    pairs = []
    for text in sentences:
        words = words_of(text)
        for start in source.sample(range(len(words) - 1), min(2, len(words) - 1)) if len(words) > 1 else ():
            pairs.append(join_words(words[start : start + 2]))
        if len(pairs) >= number:
            break
    return pairs[:number]
