"""The tables of the report as text, for the page and for Markdown alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.report.numbers import NOTHING, count, percent, score, signed_points, size
from pipeline.report.results import ModelResult, Results, confusion_counts

WIDEST_MATRIX = 12  # labels; above, a matrix is a list of its commonest confusions


@dataclass(frozen=True)
class Table:
    """Headings and rows of text; the first cell of a row is its heading. ``kinds`` says what each row is."""

    caption: str
    headings: list[str]
    rows: list[list[str]]
    kinds: Sequence[str] = ()


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: per row a label, and per cell the share of the row and the count."""

    title: str
    labels: list[str]
    shares: list[list[float]]
    counts: list[list[int]]


def model_table(results: Results) -> Table:
    """Return all models: the teacher, each student followed by its control, the rivals."""
    rows, kinds = [], []
    for model in _in_reading_order(results):
        rows.append(_model_row(model))
        kinds.append(model.kind)
    caption = (
        f"Test split; in brackets the {percent(results.confidence)} bootstrap interval, gains in points of macro-F1"
    )
    headings = ["Model", "Kind", "Macro-F1", "Accuracy", "Retention", "Gain", "Agreement", "Parameters"]
    return Table(caption, headings, rows, kinds)


def label_table(results: Results) -> Table:
    """Return the F1 of every label by every model."""
    models = _in_reading_order(results, measured=True)
    rows = []
    for label, key in zip(results.labels, results.label_keys(), strict=True):
        scores = [score(model.figures.get(f"f1_{key}")) for model in models]
        rows.append([label, count(results.teacher.figures[f"support_{key}"]), *scores])
    return Table("F1 of each label", ["Label", "Texts", *(model.title for model in models)], rows)


def domain_table(results: Results) -> Table | None:
    """Return the macro-F1 of every domain by every model; None if there is one domain."""
    models, domains = _in_reading_order(results, measured=True), results.domains()
    if not domains:
        return None
    rows = []
    for domain in domains:
        scores = [score(model.figures.get(f"macro_f1_domain_{domain}")) for model in models]
        rows.append([domain, count(results.teacher.figures[f"rows_domain_{domain}"]), *scores])
    return Table("Macro-F1 in each domain", ["Domain", "Texts", *(model.title for model in models)], rows)


def confusion_matrices(results: Results) -> list[Matrix]:
    """Return the matrix of every measured model; none if there are too many labels to read one."""
    if len(results.labels) > WIDEST_MATRIX:
        return []
    matrices = []
    for model in _in_reading_order(results, measured=True):
        counts = confusion_counts(model, results.labels)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        matrices.append(Matrix(model.title, list(results.labels), shares.tolist(), counts.tolist()))
    return matrices


def confusion_lists(results: Results, longest: int = 10) -> list[Table]:
    """Return the commonest confusions of teacher and students, where there are too many labels for matrices."""
    if len(results.labels) <= WIDEST_MATRIX:
        return []
    tables = []
    for model in results.of("teacher", "student"):
        counts = confusion_counts(model, results.labels)
        np.fill_diagonal(counts, 0)
        commonest = np.argsort(-counts, axis=None, kind="stable")[:longest]
        pairs = [divmod(int(at), len(results.labels)) for at in commonest if counts.flat[at]]
        rows = [[results.labels[true], results.labels[said], count(int(counts[true, said]))] for true, said in pairs]
        tables.append(Table(f"{model.title}: commonest confusions", ["Label", "Predicted", "Texts"], rows))
    return tables


def _in_reading_order(results: Results, measured: bool = False) -> list[ModelResult]:
    controls = {model.name: model for model in results.models if model.kind == "control"}
    ordered = [model for model in results.models if model.kind == "teacher"]
    for student in results.ranked_students:
        ordered += [student, controls[student.name]]
    ordered += [model for model in results.models if model.kind == "rival"]
    return [model for model in ordered if model.applicable or not measured]


def _model_row(model: ModelResult) -> list[str]:
    if not model.applicable:
        return [model.title, model.kind, "not applicable", *[NOTHING] * 5]
    figures = model.figures
    gain = NOTHING
    if "gain" in figures:
        low, high = signed_points(figures["gain_low"]), signed_points(figures["gain_high"])
        gain = f"{signed_points(figures['gain'])} ({low} to {high})"
    interval = f"{score(model.macro_f1)} ({score(figures['macro_f1_low'])} to {score(figures['macro_f1_high'])})"
    retention, agreement = percent(figures.get("retention"), 1), percent(figures.get("agreement"))
    accuracy = score(figures["accuracy"])
    return [model.title, model.kind, interval, accuracy, retention, gain, agreement, size(model.parameters)]
