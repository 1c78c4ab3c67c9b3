"""Learning curves: what validation said as training went on."""

import math
from collections.abc import Sequence

import pandas as pd

from pipeline.evaluation.measures import Measure
from pipeline.report.charts.drawing import COLOURS, WIDTH, canvas, svg
from pipeline.report.results import Curve


def curve_charts(curves: Sequence[Curve], measure: Measure) -> list[tuple[str, str]]:
    """Draw what validation scored by step, one panel per teacher and one per student with its control.

    Returns each panel's title and SVG. Student panels share their heights, so that they compare.
    """
    column = f"validation_{measure.key}"
    controls = {curve.name: curve for curve in curves if curve.kind == "control"}
    teachers = [[curve] for curve in curves if curve.kind == "teacher"]
    students = [[curve, controls[curve.name]] for curve in curves if curve.kind == "student"]
    panels: list[tuple[str, str]] = []
    for group in (teachers, students):
        limits = _limits([curve for panel in group for curve in panel], column)
        for panel in group:
            title = f"{panel[0].name} ({panel[0].kind})"
            panels.append((title, _curve_panel(panel, column, limits, f"curve-{len(panels)}")))
    return panels


def _curve_panel(panel: Sequence[Curve], column: str, limits: tuple[float, float], prefix: str) -> str:
    with canvas(WIDTH * 0.8, WIDTH * 0.5) as (figure, axes):
        figure.subplots_adjust(left=0.13, right=0.97, top=0.96, bottom=0.22)
        axes.set_xlabel("step")
        axes.set_ylim(*limits)
        axes.locator_params(axis="x", nbins=5, integer=True)
        axes.locator_params(axis="y", nbins=6, steps=[1, 2, 5, 10])
        for curve in reversed(panel):
            seen = _validated(curve, column)
            colour, dashes = COLOURS[curve.kind], "--" if curve.kind == "control" else "-"
            marker = "o" if len(seen) == 1 else ""
            axes.plot(
                seen["step"],
                seen[column],
                dashes,
                marker=marker,
                color=colour,
                linewidth=2,
                markersize=4,
            )
            kept = seen[seen["step"] == curve.best_step]
            axes.plot(
                kept["step"],
                kept[column],
                "o",
                markersize=8,
                markerfacecolor=COLOURS["paper"],
                markeredgecolor=colour,
                markeredgewidth=2,
            )
        return svg(figure, prefix)


def _limits(curves: Sequence[Curve], column: str) -> tuple[float, float]:
    values = [value for curve in curves for value in _validated(curve, column)[column]]
    if not values:
        return 0.0, 1.0
    margin = 0.08 * max(max(values) - min(values), 0.02)
    return math.floor((min(values) - margin) * 100) / 100, math.ceil((max(values) + margin) * 100) / 100


def _validated(curve: Curve, column: str) -> pd.DataFrame:
    return curve.frame.dropna(subset=["step", column])
