"""The test texts, of packages that nothing is learnt from: sentences, and words and pairs of words cut from them."""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from recipes.languages.codes import language_of
from recipes.languages.scripts import is_written_in, join_words, main_scripts, words_of

# The kinds of texts, which are the column ``length``.
WORD, PAIR, SENTENCE = LENGTHS = ("word", "pair", "sentence")

# Texts of each length a language; at most so many words of a sentence, which is cut from a longer snippet.
TEXTS, SNIPPET = 60, 12

VARIABLE = re.compile(r'kTestStr(\w+)\s*=\s*((?:"(?:[^"\\]|\\.)*"\s*)+);')
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def read_sentences(path: Path) -> Iterator[tuple[str, str]]:
    """Yield language and text of every line ``code<tab>text`` whose language is one of ours."""
    for line in path.read_text(encoding="utf-8").split("\n"):
        code, _, text = line.partition("\t")
        if text.strip() and (language := language_of(code)):
            yield language, text.strip()


def read_snippets(path: Path) -> Iterator[tuple[str, str]]:
    """Yield language and text of the constants ``kTestStrXX`` of CLD3's test, cut into parts of like length."""
    for code, value in VARIABLE.findall(path.read_text(encoding="utf-8")):
        words = "".join(QUOTED.findall(value)).replace('\\"', '"').split()
        language = language_of(code)
        parts = max(1, round(len(words) / SNIPPET))
        for at in range(parts) if language else ():
            part = words[at * len(words) // parts : (at + 1) * len(words) // parts]
            if len(part) > 3 or parts == 1:
                yield str(language), " ".join(part)


def cut(text: str) -> dict[str, list[str]]:
    """Return the words of a text, its pairs of neighbouring words, of which none overlap, and the text itself.

    Words are two letters long at least; in scripts without spaces two characters stand for a word.
    """
    words = words_of(text)
    pairs = [join_words(words[at : at + 2]) for at in range(0, len(words) - 1, 2)]
    return {WORD: [word for word in words if len(word) > 1], PAIR: pairs, SENTENCE: [text]}


def test_rows(texts: Mapping[str, Sequence[str]], source: random.Random) -> list[tuple[str, str, str]]:
    """Return text, language and length of up to ``TEXTS`` texts of each length a language.

    ``texts`` by language. Words and pairs that are not in a script of their language are left out, as are words that
    are mostly signs; of one sentence one word and one pair are taken, as long as there are sentences enough.
    """
    rows = []
    for language in sorted(texts):
        scripts = main_scripts(texts[language])
        shuffled = list(texts[language])
        source.shuffle(shuffled)
        pieces = [cut(text) for text in shuffled]
        for length in LENGTHS:
            found: dict[str, None] = {}
            remaining = [[text for text in piece[length] if is_written_in(text, scripts)] for piece in pieces]
            while any(remaining) and len(found) < TEXTS:
                for each in remaining:
                    if each and len(found) < TEXTS:
                        found[each.pop(source.randrange(len(each)))] = None
            rows += [(text, language, length) for text in found]
    return rows
