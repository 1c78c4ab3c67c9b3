"""The tables about the models as text, for the page and for Markdown alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.report.numbers import (
    NARROW,
    NOTHING,
    count,
    megabytes,
    milliseconds,
    percent,
    score,
    signed_points,
    size,
)
from pipeline.report.results import Export, ModelResult, Results
from pipeline.settings.base import Kind
from pipeline.speed.record import Timing

# What stands beside the score: heading and figure.
ASIDE: dict[Kind, list[tuple[str, str]]] = {
    "single_label": [("Accuracy", "accuracy")],
    "multi_label": [("All labels right", "accuracy")],
    "regression": [("Spearman’s ρ", "spearman"), ("Error (RMSE)", "rmse")],
}


@dataclass(frozen=True)
class Table:
    """Headings and rows of text; the first cell of a row is its heading.

    ``kinds`` says what each row is, ``heat`` how good each cell after the first (0 to 1; None: no shade).
    """

    caption: str
    headings: list[str]
    rows: list[list[str]]
    kinds: Sequence[str] = ()
    heat: Sequence[Sequence[float | None]] = ()


def model_table(results: Results) -> Table:
    """Return all models: the teacher, each student followed by its control, the rivals."""
    interval, metric = percent(results.confidence), results.measure.title
    caption = f"Test split; in brackets the {interval} bootstrap interval, gains in points of {metric}"
    headings = [
        "Model",
        "Kind",
        results.measure.heading,
        *(heading for heading, _ in ASIDE[results.task.kind]),
        "Retention",
        "Gain",
        "Agreement",
        "Parameters",
        f"int8{NARROW}file",
    ]
    headings += [f"One{NARROW}text"] if results.is_timed else []
    absent = [model for model in results.models if not model.applicable]
    models = [*results.in_reading_order, *absent]
    aside = [key for _, key in ASIDE[results.task.kind]]
    rows = [_model_row(model, aside)[: len(headings)] for model in models]
    return Table(caption, headings, rows, [model.kind for model in models])


def cost_table(results: Results) -> Table:
    """Return what each export weighs and what eight bits change: of the teachers and the students."""
    rows, kinds = [], []
    for model, export in _exports(results):
        figures = export.figures
        sizes = [megabytes(figures[f"bytes_{each}"]) for each in ("fp32", "int8")]
        scores = [score(figures[f"{results.measure.key}_{each}"]) for each in ("pytorch", "fp32", "int8")]
        flips = [_flips(figures, each) for each in ("fp32", "int8")]
        vocabulary = f"{count(figures['tokens_kept'])} of {count(figures['tokens'])}"
        rows.append([export.name, *sizes, *scores, *flips, vocabulary])
        kinds.append(model.kind)
    headings = [
        "Export",
        f"fp32{NARROW}file",
        f"int8{NARROW}file",
        f"{results.measure.heading} in PyTorch",
        "in fp32",
        "in int8",
    ]
    headings += ["Labels changed in fp32", "Labels changed in int8", "Tokens kept"]
    return Table("The exported files on the test split", headings, rows, kinds)


def speed_table(results: Results, precision: Literal["fp32", "int8"]) -> Table | None:
    """Return what was timed of the exports in one precision; None if nothing was."""
    if results.machine is None or not results.is_timed:
        return None
    rows, kinds = [], []
    for model, export in _exports(results):
        kinds.append(model.kind)
        if export.speed is None:
            rows.append([export.name, *[NOTHING] * 5])
            continue
        found: Timing = getattr(export.speed, precision)
        latencies = [f"{milliseconds(each)}{NARROW}ms" for each in (found.p50_ms, found.p95_ms)]
        throughput = [count(round(found.texts_per_second)), f"{found.ratio:.1f} ×"]
        rows.append([export.name, *latencies, *throughput, f"{found.memory_mb:.0f}{NARROW}MB"])
    headings = ["Export", "One text, median", "One text, 95th percentile", "Texts a second"]
    headings += ["Beside the teacher", "Memory, at most"]
    return Table(f"Speed in {precision} on {results.machine}", headings, rows, kinds)


def _flips(figures: Mapping[str, Any], precision: str) -> str:
    """How many labels changed; of a number none is said."""
    flips = figures.get(f"flips_{precision}")
    return NOTHING if flips is None else f"{count(flips)} of {count(figures['rows'])}"


def _exports(results: Results) -> list[tuple[ModelResult, Export]]:
    return [(model, export) for model in results.shipped for export in model.exports]


def _model_row(model: ModelResult, aside: Sequence[str]) -> list[str]:
    if not model.applicable:
        return [model.title, model.kind, "not applicable", *[NOTHING] * (6 + len(aside))]
    figures = model.figures
    gain = NOTHING
    if "gain" in figures:
        low, high = signed_points(figures["gain_low"]), signed_points(figures["gain_high"])
        gain = f"{signed_points(figures['gain'])} ({low} to {high})"
    lowest, highest = model.interval
    interval = f"{score(model.score)} ({score(lowest)} to {score(highest)})"
    retention, agreement = percent(figures.get("retention"), 1), percent(figures.get("agreement"))
    others = [score(figures[key]) for key in aside]
    latency = NOTHING if model.latency is None else f"{milliseconds(model.latency)}{NARROW}ms"
    cost = [size(model.parameters), megabytes(model.bytes_int8), latency]
    return [model.title, model.kind, interval, *others, retention, gain, agreement, *cost]
