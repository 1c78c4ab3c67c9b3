"""The one place that tells a trained model's folder from an exported one."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import GraftError
from pipeline.text.pairs import TextOrPair


class TextClassifier(Protocol):
    """What classifies text, whatever it runs on; without a ``threshold`` its answers hold no ``sure``."""

    labels: list[str]
    pairs: bool

    @property
    def task(self) -> str:
        """What is foretold, as ``pipeline.task.Kind`` names it."""

    @property
    def threshold(self) -> float | None:
        """The probability from which on a label is sure."""

    def classify(self, texts: Iterable[TextOrPair]) -> Iterator[dict[str, Any]]:
        """Yield the answer to each text, with its ``text``, or ``text`` and why it is ``refused``."""


def reads_pairs(folder: Path) -> bool:
    """Whether the model in ``folder`` reads two texts at once; ``load_classifier`` complains of a damaged folder."""
    for name in ("settings.json", "config.json"):
        if (folder / name).is_file():
            try:
                return bool(json.loads((folder / name).read_text(encoding="utf-8")).get("pairs", False))
            except (OSError, ValueError, AttributeError):
                return False
    return False


def load_classifier(folder: Path, precision: str | None = None, threads: int | None = None) -> TextClassifier:
    """Load the model in ``folder``, which lies under models/ or exports/; GraftError if there is none.

    An exported model is read in its int8 ``precision``, in one thread, unless told otherwise; torch and transformers
    are then not imported.
    """
    if (folder / "settings.json").exists():
        from pipeline.deployment.classifier import USUAL, Classifier, UnreadableError

        try:
            return Classifier(folder, precision or USUAL, threads or 1)
        except UnreadableError as error:
            raise GraftError(str(error)) from None
    if not (folder / "config.json").exists():
        raise GraftError(
            f"{folder} holds no model; train one with `dvc repro`, or name a folder under models/ or exports/"
        )
    if precision is not None:
        raise GraftError(f"{folder} has no precision to choose; --precision is for folders under exports/")
    from pipeline.prediction.trained import load_trained

    return load_trained(folder, threads)
