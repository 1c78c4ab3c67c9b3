"""The models that are served: folders found, loaded, and asked one after another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from pipeline.deployment.classifier import FILES, Classifier, UnreadableError
from pipeline.errors import GraftError
from pipeline.serving.waiting import Check
from pipeline.text.pairs import FIRST, SECOND, TextOrPair

# Texts between two looks at whether the client still waits.
STEP = 16


@dataclass(frozen=True)
class Model:
    """An exported model in memory; ``name`` is a student's, or ``teacher/NAME``."""

    name: str
    bytes: int
    classifier: Classifier

    @property
    def kind(self) -> str:
        """``teacher`` or ``student``."""
        return "teacher" if self.name.startswith("teacher/") else "student"

    def describe(self) -> dict[str, Any]:
        """What a client may want to know of it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "task": self.classifier.task,
            "labels": self.classifier.labels,
            "pairs": self.classifier.pairs,
            "threshold": self.classifier.threshold,
            "bytes": self.bytes,
        }


def find_exports(folders: Sequence[Path]) -> dict[str, Path]:
    """Return the exports in ``folders`` by name, students first; each folder is one export or holds several."""
    found: dict[str, Path] = {}
    for folder in folders:
        inside = sorted(settings.parent for settings in folder.rglob("settings.json") if _is_whole(settings, folder))
        if not inside:
            what = "holds no exported model" if folder.is_dir() else "is no folder"
            raise GraftError(f"{folder} {what}; make the exports with `dvc repro`, or name a folder that holds some")
        for export in inside:
            name = _name(export.resolve())
            if found.setdefault(name, export).resolve() != export.resolve():
                raise GraftError(f"{found[name]} and {export} are both called {name}; serve one of them")
    return dict(sorted(found.items(), key=lambda pair: (pair[0].startswith("teacher/"), pair[0])))


def _is_whole(settings: Path, folder: Path) -> bool:
    """Whether it lies in no hidden folder: a stage writes an export under such a name, and a killed one leaves it."""
    return not any(part.startswith(".") for part in settings.relative_to(folder).parts)


def _name(export: Path) -> str:
    return f"teacher/{export.name}" if export.parent.name == "teacher" else export.name


def load_models(exports: Mapping[str, Path], precision: str) -> dict[str, Model]:
    """Load every model, each to compute in one thread; GraftError names the one that cannot be."""
    return {name: _load(name, folder, precision) for name, folder in exports.items()}


def _load(name: str, folder: Path, precision: str) -> Model:
    for file in (FILES[precision], "tokenizer.json"):
        if not (folder / file).is_file():
            raise GraftError(f"{folder} has no {file}; export it again with `dvc repro`")
    try:
        classifier = Classifier(folder, precision)
    except UnreadableError as error:
        raise GraftError(f"{folder} cannot be loaded: {error}") from None
    return Model(name, (folder / FILES[precision]).stat().st_size, classifier)


def choose(models: Mapping[str, Model], names: Sequence[str] | None) -> list[Model]:
    """Return the models of ``names``, or all; GraftError for a name that is none of theirs."""
    for name in names or ():
        if name not in models:
            raise GraftError(f"{name!r} is no model here; there are: {', '.join(models)}")
    return [model for name, model in models.items() if not names or name in names]


def pair_up(models: Sequence[Model], texts: Sequence[str], seconds: Sequence[str] | None) -> Sequence[TextOrPair]:
    """Return ``texts``, or pairs of them and their ``seconds``; GraftError if that is not what ``models`` read."""
    for model in models:
        if model.classifier.pairs and seconds is None:
            raise GraftError(f"{model.name} reads pairs of texts; send text_pairs too, a second text for each")
        if seconds is not None and not model.classifier.pairs:
            raise GraftError(f"{model.name} reads single texts; leave text_pairs out")
    if seconds is None:
        return texts
    if len(seconds) != len(texts):
        raise GraftError(f"{len(texts)} texts and {len(seconds)} text_pairs; send a second text for each")
    return list(zip(texts, seconds, strict=True))


def classify(models: Sequence[Model], texts: Sequence[TextOrPair], check: Check) -> dict[str, Any]:
    """Return for each text what each model says of it, and how long each took for all of them.

    What it says is ``pipeline.deployment.classifier.answer``, or why the text is ``refused``.
    """
    answers: list[dict[str, Any]] = [{} for _ in texts]
    milliseconds = {}
    for model in models:
        began = perf_counter()
        for answer, said in zip(answers, _answers(model, texts, check), strict=True):
            answer[model.name] = {key: value for key, value in said.items() if key not in (FIRST, SECOND)}
        milliseconds[model.name] = round(1000 * (perf_counter() - began), 3)
    return {"answers": answers, "milliseconds": milliseconds}


def _answers(model: Model, texts: Sequence[TextOrPair], check: Check) -> Iterator[dict[str, Any]]:
    for start in range(0, len(texts), STEP):
        check()
        yield from model.classifier.classify(texts[start : start + STEP])
