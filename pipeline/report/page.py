"""The page: one HTML file that fetches nothing and reads the same from a disk and from a server."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.report import confusions, origin, parts, sureness, tables, texts
from pipeline.report.charts.curves import curve_charts
from pipeline.report.charts.decision import decision_charts, describe
from pipeline.report.charts.gains import gain_chart
from pipeline.report.charts.quality import quality_chart
from pipeline.report.charts.reliability import reliability_charts
from pipeline.report.data import data_tables
from pipeline.report.numbers import percent, points
from pipeline.report.results import Results
from pipeline.report.robustness import robustness_table
from pipeline.report.verdict import verdict

# The sections in order: file of the template and id of the heading, and what the navigation calls it.
SECTIONS = {
    "models": "Models",
    "costs": "Size and speed",
    "transfer": "Transfer",
    "parts": "Labels and domains",
    "confusions": "Confusions",
    "calibration": "Calibration",
    "robustness": "Noise",
    "curves": "Learning",
    "texts": "Texts",
    "data": "Data",
    "provenance": "Provenance",
}

# Of what is said of one label of several alone.
OF_ONE_LABEL = ("confusions", "calibration")


def render_page(results: Results) -> str:
    """Return ``index.html``; every name and text of the data is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"code": _code, "percent": percent}
    figures = _figures(results)
    left_out = () if results.task.kind == "single_label" else OF_ONE_LABEL
    if figures["by_label"] is None and figures["by_domain"] is None:
        left_out = (*left_out, "parts")
    sections = {id: name for id, name in SECTIONS.items() if id not in left_out}
    return environment.get_template("page.html.j2").render(sections=sections, **figures, **_charts(results))


def _figures(results: Results) -> dict[str, Any]:
    return {
        "title": results.title,
        "measure": results.measure,
        "kind": results.task.kind,
        "verdict": verdict(results),
        "confidence": percent(results.confidence),
        "machine": results.machine if results.is_timed else None,
        "int8_difference": points(_int8_difference(results)),
        "models": tables.model_table(results),
        "costs": tables.cost_table(results),
        "speed": {precision: tables.speed_table(results, precision) for precision in ("int8", "fp32")},
        "ingredients": origin.ingredient_table(results),
        "by_label": parts.label_table(results),
        "by_domain": parts.domain_table(results),
        "matrices": confusions.confusion_matrices(results),
        "confusion_lists": confusions.confusion_lists(results),
        "calibration": sureness.calibration_table(results),
        "sure": sureness.meaning(results.params.export.accuracy, results.params.export.coverage),
        "noise": robustness_table(results),
        "teacher": results.teacher,
        "best": results.ranked_students[0],
        "disagreements": texts.disagreements(results),
        "shared_errors": texts.shared_errors(results),
        "data": data_tables(results.summary, results.tokenizers),
        "sources": origin.source_table(results),
        "trainings": origin.training_table(results),
    }


def _charts(results: Results) -> dict[str, Any]:
    return {
        "decision": {name: Markup(chart) for name, chart in decision_charts(results).items()},
        "decision_in_words": describe(results),
        "quality": Markup(quality_chart(results)),
        "gains": Markup(gain_chart(results)),
        "reliability": _panels(reliability_charts(found)) if (found := sureness.diagrams(results)) else [],
        "curves": _panels(curve_charts(results.curves, results.measure)),
    }


def _panels(charts: Sequence[tuple[str, str]]) -> list[tuple[str, Markup]]:
    return [(title, Markup(chart)) for title, chart in charts]


def _int8_difference(results: Results) -> float:
    """The largest difference in the score between a trained model and its int8 file."""
    figures = [export.figures for model in results.shipped for export in model.exports]
    key = results.measure.key
    return max(abs(float(each[f"{key}_int8"]) - float(each[f"{key}_pytorch"])) for each in figures)


def _code(sentence: str) -> Markup:
    """Escape ``sentence``, set what stands between backticks as code and keep the metric's name on one line."""
    whole = Markup('<span class="whole">macro-F1</span>')
    pieces = sentence.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if at % 2 else escape(piece).replace("macro-F1", whole)
        for at, piece in enumerate(pieces)
    )
