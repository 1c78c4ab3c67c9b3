"""An answer as keys of a JSON object or as columns of a table."""

from collections.abc import Sequence
from typing import Any

from pipeline.text.pairs import FIRST, SECOND

# What an answer repeats of its row.
TEXTS = (FIRST, SECOND)


class Shape:
    """Names of what is added to a row: ``prefix`` before each, ``sure`` only for a model that knows a threshold."""

    def __init__(self, task: str, labels: Sequence[str], sure: bool, prefix: str = "") -> None:
        self.labels, self.prefix = ([] if task == "regression" else labels), prefix
        said = {"regression": "value", "multi_label": "labels"}.get(task, "label")
        self.first = first = [said, "sure"] if sure else [said]
        shares = ["probabilities"] if self.labels else []
        self.keys = [prefix + name for name in (*first, *shares, "refused")]
        names = (*first, *(f"probability_{label}" for label in self.labels), "refused")
        self.columns = [prefix + name for name in names]

    def nested(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Return what is added to a JSON object."""
        return {self.prefix + name: value for name, value in answer.items() if name not in TEXTS}

    def flat(self, answer: dict[str, Any]) -> list[Any]:
        """Return one cell a column; those of a refused row are None, and so is ``refused`` of another one."""
        shares = answer.get("probabilities", {})
        return [*map(answer.get, self.first), *map(shares.get, self.labels), answer.get("refused")]
