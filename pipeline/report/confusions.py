"""Which label is taken for which: a matrix per model, or the commonest confusions where there are many labels."""

from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.measures import read_answers
from pipeline.report.numbers import count
from pipeline.report.results import Kind, ModelResult, Results
from pipeline.report.tables import Table
from pipeline.task import Task

WIDEST_MATRIX = 12  # labels; above, a matrix is a list of its commonest confusions


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: per row a label, and per cell the share of the row and the count."""

    title: str
    kind: Kind
    labels: list[str]
    shares: list[list[float]]
    counts: list[list[int]]


def confusion_counts(model: ModelResult, task: Task) -> np.ndarray:
    """Return how many texts of each label (rows) were given each label (columns)."""
    true, predicted = read_answers(task, model.predictions)
    counts = np.bincount(true * len(task.labels) + predicted, minlength=len(task.labels) ** 2)
    return counts.reshape(len(task.labels), len(task.labels))


def confusion_matrices(results: Results) -> list[Matrix]:
    """Return the matrix of every measured model; none of a task of another kind, or of more labels than can be read."""
    if results.task.kind != "single_label" or len(results.labels) > WIDEST_MATRIX:
        return []
    matrices = []
    for model in results.in_reading_order:
        counts = confusion_counts(model, results.task)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        matrices.append(Matrix(model.title, model.kind, list(results.labels), shares.tolist(), counts.tolist()))
    return matrices


def confusion_lists(results: Results, longest: int = 10) -> list[Table]:
    """Return the commonest confusions of teacher and students, where there are too many labels for matrices."""
    if results.task.kind != "single_label" or len(results.labels) <= WIDEST_MATRIX:
        return []
    tables = []
    for model in results.of("teacher", "student"):
        counts = confusion_counts(model, results.task)
        np.fill_diagonal(counts, 0)
        commonest = np.argsort(-counts, axis=None, kind="stable")[:longest]
        pairs = [divmod(int(at), len(results.labels)) for at in commonest if counts.flat[at]]
        rows = [[results.labels[true], results.labels[said], count(int(counts[true, said]))] for true, said in pairs]
        tables.append(Table(f"{model.title}: commonest confusions", ["Label", "Predicted", "Texts"], rows))
    return tables
