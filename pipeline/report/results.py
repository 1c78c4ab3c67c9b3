"""What the report shows: the models that params.yaml names, with what the stages measured of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.evaluation.metrics import slugs
from pipeline.evaluation.predictions import label_ids

Kind = Literal["teacher", "student", "control", "rival"]


@dataclass(frozen=True)
class ModelResult:
    """One model: its figures, its predictions on the test split and its size.

    ``key`` is unique (``bilstm``, ``controls/bilstm``, ``rivals/tfidf``); ``name`` is the one of params.yaml.
    """

    key: str
    name: str
    kind: Kind
    figures: Mapping[str, Any]
    predictions: pd.DataFrame
    parameters: int | None = None

    @property
    def applicable(self) -> bool:
        """Whether the model could be measured on these labels; a rival may not."""
        return bool(self.figures.get("applicable", 1))

    @property
    def title(self) -> str:
        """The name a reader sees, distinct from every other model's."""
        return f"{self.name}, no transfer" if self.kind == "control" else self.name

    @property
    def macro_f1(self) -> float:
        """Macro-F1 on the test split."""
        return float(self.figures["macro_f1"])


@dataclass(frozen=True)
class Curve:
    """A training as it went: steps and validation figures, and the step whose checkpoint was kept."""

    key: str
    name: str
    kind: Kind
    frame: pd.DataFrame
    best_step: int | None = None


@dataclass(frozen=True)
class Results:
    """Everything on the page."""

    title: str
    labels: Sequence[str]
    confidence: float
    models: Sequence[ModelResult]
    curves: Sequence[Curve]
    summary: Mapping[str, Any]

    def of(self, *kinds: Kind) -> list[ModelResult]:
        """Return the measured models of these kinds, in the order of params.yaml."""
        return [model for model in self.models if model.kind in kinds and model.applicable]

    @property
    def teacher(self) -> ModelResult:
        """The teacher, one row even where several are averaged."""
        return self.of("teacher")[0]

    @property
    def ranked_students(self) -> list[ModelResult]:
        """The students, the best first."""
        return sorted(self.of("student"), key=lambda model: -model.macro_f1)

    def label_keys(self) -> list[str]:
        """Return the part of a figure's key that stands for each label."""
        return slugs(self.labels)

    def domains(self) -> list[str]:
        """Return the domains that figures were measured on, in order; none if there is only one."""
        prefix = "rows_domain_"
        return sorted(key.removeprefix(prefix) for key in self.teacher.figures if key.startswith(prefix))


def confusion_counts(model: ModelResult, labels: Sequence[str]) -> np.ndarray:
    """Return how many texts of each label (rows) were given each label (columns)."""
    true, predicted = (label_ids(model.predictions[column], labels) for column in ("label", "predicted"))
    counts = np.bincount(true * len(labels) + predicted, minlength=len(labels) ** 2)
    return counts.reshape(len(labels), len(labels))


def figure_rows(results: Results) -> pd.DataFrame:
    """Return one row per measured model: its macro-F1, the interval and the size."""
    measured = results.of("teacher", "student", "control", "rival")
    return pd.DataFrame(
        {
            "model": [model.key for model in measured],
            "kind": [model.kind for model in measured],
            "macro_f1": [model.macro_f1 for model in measured],
            "low": [float(model.figures["macro_f1_low"]) for model in measured],
            "high": [float(model.figures["macro_f1_high"]) for model in measured],
            "parameters": pd.array([model.parameters for model in measured], dtype="Int64"),
        }
    )
