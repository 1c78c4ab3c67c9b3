"""What is foretold of a text: one of several labels, any number of them, or a number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import GraftError
from pipeline.settings.base import Kind

# By transformers' names; without one its models take the labels for exclusive.
PROBLEM_TYPES: dict[Kind, str | None] = {
    "single_label": None,
    "multi_label": "multi_label_classification",
    "regression": "regression",
}


@dataclass(frozen=True)
class Task:
    """The kind of task and its labels in order; a regression has one, the name of its number.

    With ``pairs`` it is foretold of two texts that are read together.
    """

    kind: Kind
    labels: list[str]
    pairs: bool = False

    @property
    def problem_type(self) -> str | None:
        """What a model's configuration says of it."""
        return PROBLEM_TYPES[self.kind]

    def describe(self, config: Any) -> None:
        """Write labels and problem type into a model's configuration."""
        config.id2label = dict(enumerate(self.labels))
        config.label2id = {name: at for at, name in enumerate(self.labels)}
        if self.problem_type is not None:
            config.problem_type = self.problem_type
        if self.pairs:
            config.pairs = True

    def targets(self, column: pd.Series) -> np.ndarray:
        """What a model learns and is measured by, of a column of prepared labels.

        One label: its position, (N,) int64. Several: 1 for each that a text has, (N, labels) float32. A number:
        (N, 1) float32. Raises GraftError for a label that the task does not have.
        """
        if self.kind == "regression":
            return column.to_numpy(np.float32)[:, None]
        if self.kind == "single_label":
            return self._positions(column)
        rows = [list(names) for names in column]
        found = np.zeros((len(rows), len(self.labels)), np.float32)
        flat = self._positions(pd.Series([name for names in rows for name in names], dtype=object))
        found[np.repeat(np.arange(len(rows)), [len(names) for names in rows]), flat] = 1
        return found

    def _positions(self, column: pd.Series) -> np.ndarray:
        found = pd.Index(self.labels).get_indexer(pd.Index(column))
        if (found < 0).any():
            unknown = column[found < 0].iloc[0]
            raise GraftError(f"a text has the label {unknown!r}, not one of {', '.join(self.labels)}; run `dvc repro`")
        return found.astype(np.int64)

    def answers(self, logits: np.ndarray) -> np.ndarray:
        """What a model says, (N, labels) float64, of its logits (N, labels).

        Of one label or several their probabilities (softmax, sigmoid), of a number itself.
        """
        values = logits.astype(np.float64)
        if self.kind == "regression":
            return values
        if self.kind == "multi_label":
            return 1 / (1 + np.exp(-values))
        return softmax(logits)


def task_of(facts: dict[str, Any]) -> Task:
    """The task that ``data/prepared/labels.json`` states."""
    return Task(facts["task"], facts["labels"], facts.get("pairs", False))


def task_of_model(config: Any) -> Task:
    """The task that a model's configuration is for."""
    kinds = {problem: kind for kind, problem in PROBLEM_TYPES.items()}
    labels = [config.id2label[at] for at in range(config.num_labels)]
    return Task(kinds.get(config.problem_type, "single_label"), labels, getattr(config, "pairs", False))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (N, labels) of logits (N, labels), in float64."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    shares: np.ndarray = exponentials / exponentials.sum(axis=1, keepdims=True)
    return shares


def is_known(targets: np.ndarray) -> np.ndarray:
    """Which rows have a target, (N,) bool: those of -100, or of numbers that are none, have not."""
    if np.issubdtype(targets.dtype, np.integer):
        known: np.ndarray = targets >= 0
        return known
    return ~np.isnan(targets).any(axis=1)


def joined(names: Sequence[str]) -> str:
    """The labels of a text in one line, for people."""
    return ", ".join(names) or "none"
