"""The recipe's texts: to learn from, messages of software and words by frequency; to measure on, others' test texts."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from pipeline.artifacts import write_csv
from recipes.languages.catalogues import clean_message, read_json_messages, read_po
from recipes.languages.codes import LANGUAGES, NAMES, language_of
from recipes.languages.held_out import read_sentences, read_snippets, test_rows
from recipes.languages.lexicon import mixed, normalised, owners, read_frequencies, read_stoplist, without_foreign
from recipes.languages.packages import FREQUENCIES, GETTEXT, JSON, SENTENCES, SNIPPETS, STOPLISTS, unpacked
from recipes.languages.sampling import training_texts
from recipes.languages.scripts import is_written_in, main_scripts, words_of
from recipes.languages.serbian import to_cyrillic

TEXTS = Path("data/local/languages")
SEED = 7
# The shares of a language's words that come from wordfreq, jusText and the messages.
SHARES = (0.6, 0.25, 0.15)


def write_data(root: Path, scale: float = 1.0) -> None:
    """Write ``train.csv`` and ``test.csv`` to ``data/local/languages`` under ``root``; ``scale`` cuts the former.

    Both have the columns text, label and length, which is empty in the former.
    """
    messages, words = read_messages(), read_words()
    for language, sentences in messages.items():
        counts = Counter(word.lower() for text in sentences for word in words_of(text))
        words[language].append((SHARES[2], normalised({word: float(count) for word, count in counts.items()})))
    lists = without_foreign({language: mixed(words[language]) for language in LANGUAGES if words[language]})
    owner = owners(lists)
    rows: list[tuple[str, str, str]] = []
    for language, weights in lists.items():
        source = random.Random(f"{SEED}:{language}")
        ranked = sorted(weights, key=lambda word: (-weights[word], word))
        single = [word for word in ranked if owner[word] == language and len(word) > 1]
        texts = training_texts(weights, single, messages.get(language, []), scale, source)
        rows += [(text, language, "") for text in texts]
    held_out = test_rows(read_held_out(), random.Random(SEED))
    for name, table in (("train", rows), ("test", held_out)):
        write_csv(root / TEXTS / f"{name}.csv", pd.DataFrame(table, columns=["text", "label", "length"]))


def read_messages() -> dict[str, list[str]]:
    """Return by language what the software says in it, every sentence once."""
    found: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
    english = found["en"]
    seen: set[str] = set()
    for language, source, translation in _translations():
        if source not in seen:
            seen.add(source)
            english.update({text.casefold(): text for text in clean_message(source)})
        if language != "en" and translation.casefold() != source.casefold():
            found[language].update({text.casefold(): text for text in clean_message(translation)})
    kept = {}
    for language, texts in found.items():
        scripts = main_scripts(texts)
        # Half a message may be left in English.
        own = [text for key, text in texts.items() if language == "en" or key not in english]
        if own:
            kept[language] = [text for text in own if is_written_in(text, scripts)]
    # Serbian is written in both scripts; of its messages three in four are in the Latin one.
    kept["sr"] = list(dict.fromkeys([*kept.get("sr", []), *map(to_cyrillic, kept.get("sr", []))]))
    return {language: texts for language, texts in kept.items() if texts}


def _translations() -> Iterator[tuple[str, str, str]]:
    for package in GETTEXT:
        with unpacked(package) as files:
            for locale, path in files:
                if language := language_of(locale):
                    for source, translation in read_po(path.read_text(encoding="utf-8")):
                        yield language, source, translation
    for package in JSON:
        with unpacked(package) as files:
            english = {_twin(path, locale): path for locale, path in files if locale == "en"}
            for locale, path in files:
                if (language := language_of(locale)) and (twin := english.get(_twin(path, locale))):
                    for source, translation in read_json_messages(path, twin):
                        yield language, source, translation


def _twin(path: Path, locale: str) -> str:
    """Return what a file and its English one share: the folder, or the name where each locale has a folder."""
    return path.name if path.parts[-2] == "LC_MESSAGES" else str(path.parent)


def read_words() -> dict[str, list[tuple[float, dict[str, float]]]]:
    """Return by language its lists of words, each with its share."""
    found: dict[str, list[tuple[float, dict[str, float]]]] = defaultdict(list)
    with unpacked(FREQUENCIES) as files:
        for code, path in files:
            if language := language_of(code):
                found[language].append((SHARES[0], read_frequencies(path)))
    with unpacked(STOPLISTS) as files:
        for name, path in files:
            if language := NAMES.get(name):
                found[language].append((SHARES[1], read_stoplist(path)))
    return found


def read_held_out() -> dict[str, list[str]]:
    """Return by language the texts to measure on; the snippets where there are no sentences."""
    found: dict[str, list[str]] = defaultdict(list)
    with unpacked(SENTENCES) as files:
        for _, path in files:
            for language, text in read_sentences(path):
                found[language].append(text)
    with unpacked(SNIPPETS) as files:
        others = [each for _, path in files for each in read_snippets(path) if each[0] not in found]
    for language, text in others:
        found[language].append(text)
    return found
