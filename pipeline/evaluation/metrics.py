"""Metrics of a classification: ``evaluate.Metric`` classes that need no hub, and flat figures.

``evaluate.load("f1")`` fetches its script from the Hub. These are the same interface defined here,
in memory, so that they work offline and any number of them side by side.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import datasets
import evaluate
import numpy as np
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support


class LabelMetric(evaluate.Metric):
    """A metric of predicted label ids against true ones, over the labels 0 … ``n_labels`` − 1.

    Where a text has any number of labels (``many``) it is of rows of 0 and 1, one for each label.
    """

    description = ""

    def __init__(self, n_labels: int, many: bool = False):
        self.n_labels = n_labels
        self.many = many
        # A seed given here keeps evaluate from deriving one from the trainer's random state.
        super().__init__(keep_in_memory=True, seed=0)

    def _build_data_dir(self) -> str:
        # evaluate would create a folder in the user's cache, which a metric held in memory never uses.
        return ""

    def _info(self) -> evaluate.MetricInfo:
        answer = datasets.List(datasets.Value("int64")) if self.many else datasets.Value("int64")
        return evaluate.MetricInfo(
            description=self.description,
            citation="",
            inputs_description="predictions, references: label ids, one per text, or a row of 0 and 1",
            features=datasets.Features({"predictions": answer, "references": answer}),
        )


class Accuracy(LabelMetric):
    """The share of texts whose label is predicted or, where they have any number, all of them and no other."""

    description = "The share of texts whose labels are predicted."

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        return {"accuracy": float(accuracy_score(references, predictions))}


class MacroF1(LabelMetric):
    """The mean of the labels' F1, every label of the task counted or, with ``held``, those that the texts have.

    A label of the task that is neither present nor predicted counts 0 (``zero_division=0``): the mean is over the
    task's labels, not over those a sample happens to hold, so figures of different samples of the task compare.
    """

    description = "The unweighted mean of F1 over the labels of the task; a label without rows counts 0."

    def __init__(self, n_labels: int, many: bool = False, held: bool = False):
        self.held = held
        super().__init__(n_labels, many)

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        labels = np.arange(self.n_labels)
        if self.held:
            labels = np.flatnonzero(np.any(references, axis=0)) if self.many else np.unique(references)
        if not len(labels):
            return {"macro_f1": 0.0}
        score = f1_score(references, predictions, labels=labels, average="macro", zero_division=0)
        return {"macro_f1": float(score)}


class PerClass(LabelMetric):
    """Precision, recall, F1 and number of texts of every label, keyed by the label's name."""

    description = "Precision, recall, F1 and support of each label."

    def __init__(self, names: Sequence[str], many: bool = False):
        self.keys = slugs(names)
        super().__init__(len(names), many)

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        per_label = precision_recall_fscore_support(
            references, predictions, labels=range(self.n_labels), average=None, zero_division=0
        )
        figures: dict[str, float] = {}
        for key, precision, recall, f1, support in zip(self.keys, *per_label, strict=True):
            figures[f"precision_{key}"] = float(precision)
            figures[f"recall_{key}"] = float(recall)
            figures[f"f1_{key}"] = float(f1)
            figures[f"support_{key}"] = int(support)
        return figures


def label_figures(
    labels: np.ndarray, predicted: np.ndarray, names: Sequence[str], domains: Sequence[str] | None = None
) -> dict[str, float]:
    """Return flat figures of label ids (N,) or rows of 0 and 1 (N, labels): overall, per label and per domain.

    One domain alone has no domain figures. A domain's macro-F1 is over the labels that its texts have: that it knows
    but some of the task's is no fault of the model.
    """
    labels, predicted = labels.astype(np.int64), predicted.astype(np.int64)
    figures = overall(labels, predicted, len(names))
    figures |= PerClass(names, labels.ndim == 2).compute(predictions=predicted, references=labels)
    return figures | by_domain(domains, lambda rows: overall(labels[rows], predicted[rows], len(names), held=True))


def by_domain(domains: Sequence[str] | None, measure: Callable[[np.ndarray], dict[str, float]]) -> dict[str, float]:
    """Return what ``measure`` gives of the rows (N,) bool of each domain, and their number; nothing of one domain."""
    row_domains = np.asarray(domains if domains is not None else [], dtype=object)
    distinct = sorted(set(row_domains))
    figures: dict[str, float] = {}
    if len(distinct) > 1:
        for domain, key in zip(distinct, slugs(distinct), strict=True):
            rows = row_domains == domain
            for name, value in measure(rows).items():
                figures[f"{name}_domain_{key}"] = value
            figures[f"rows_domain_{key}"] = int(rows.sum())
    return figures


def slugs(names: Sequence[str]) -> list[str]:
    """Return a key of [a-z0-9_] for each name: its position where nothing is left of the name (积极 → 0).

    Names that would share a key get their position appended.
    """
    plain = [re.sub(r"[^a-z0-9_]", "_", name.lower()) for name in names]
    plain = [key if key.strip("_") else str(at) for at, key in enumerate(plain)]
    keys: list[str] = []
    for at, key in enumerate(plain):
        unique = key if plain.count(key) == 1 else f"{key}_{at}"
        while unique in keys or (unique != key and unique in plain):
            unique += "_"
        keys.append(unique)
    return keys


def overall(labels: np.ndarray, predicted: np.ndarray, n_labels: int, held: bool = False) -> dict[str, float]:
    """Return accuracy and macro-F1 of label ids (N,) or rows of 0 and 1 (N, labels); ``held`` as in ``MacroF1``."""
    many = labels.ndim == 2
    labels, predicted = labels.astype(np.int64), predicted.astype(np.int64)
    metrics = evaluate.combine([Accuracy(n_labels, many), MacroF1(n_labels, many, held)])
    figures: dict[str, float] = metrics.compute(predictions=predicted, references=labels)
    return figures
