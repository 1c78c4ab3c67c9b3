"""Charts as inline SVG: the same bytes for the same figures, in the colours of the page around them.

Matplotlib draws with stand-in colours that are then replaced by CSS variables, so that one drawing
serves light and dark; its text stays text, in the page's own type and readable by a screen reader.
"""

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.report.numbers import score
from pipeline.report.results import Curve, ModelResult, Results

COLOURS = {
    "ink": "#010201",
    "muted": "#010202",
    "grid": "#010203",
    "teacher": "#010204",
    "student": "#010205",
    "control": "#010206",
    "rival": "#010207",
    "paper": "#010208",
}
MARKERS = {"teacher": "s", "student": "o", "control": "o", "rival": "D"}
WIDTH = 420  # pixels; text of 12 px is still readable when a phone shrinks the drawing
LONGEST_NAME = 20
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "graft",
    "text.parse_math": False,  # a $ in a name is a $
    "text.color": COLOURS["ink"],
    "font.size": 12,
    "axes.edgecolor": COLOURS["grid"],
    "axes.facecolor": "none",
    "axes.labelcolor": COLOURS["muted"],
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "grid.color": COLOURS["grid"],
    "xtick.color": COLOURS["grid"],
    "xtick.labelcolor": COLOURS["muted"],
    "ytick.color": COLOURS["grid"],
    "ytick.labelcolor": COLOURS["ink"],
    "ytick.left": False,
}


def quality_chart(results: Results) -> str:
    """Draw macro-F1 with intervals: one line per model, a student's control under the student itself."""
    lines = [[results.teacher]]
    controls = {model.name: model for model in results.of("control")}
    lines += [[student, controls[student.name]] for student in results.ranked_students]
    lines += [[rival] for rival in results.of("rival")]
    low = min(float(model.figures["macro_f1_low"]) for line in lines for model in line)
    high = max(float(model.figures["macro_f1_high"]) for line in lines for model in line)
    room = max(high - low, 0.02)
    with _canvas(WIDTH, 44 * len(lines) + 44) as (figure, axes):
        left = 16 + 7 * max(len(_short(line[0].name)) for line in lines)
        figure.subplots_adjust(left=left / WIDTH, right=0.98, top=0.99, bottom=40 / (44 * len(lines) + 44))
        axes.set_xlim(low - 0.06 * room, high + 0.24 * room)
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.set_yticks(range(len(lines)), [_short(line[0].name) for line in lines])
        axes.grid(visible=False, axis="y")
        axes.locator_params(axis="x", nbins=7, steps=[1, 2, 5, 10])
        axes.set_xlabel("macro-F1 on the test split")
        for at, line in enumerate(lines):
            offsets = (-0.17, 0.17) if len(line) == 2 else (0.0,)
            for offset, model in zip(offsets, line, strict=True):
                _draw_interval(axes, at + offset, model, room)
        return _svg(figure, "quality")


def _draw_interval(axes: Axes, height: float, model: ModelResult, room: float) -> None:
    colour = COLOURS[model.kind]
    low, high = float(model.figures["macro_f1_low"]), float(model.figures["macro_f1_high"])
    axes.plot([low, high], [height, height], color=colour, linewidth=2, solid_capstyle="round")
    face = COLOURS["paper"] if model.kind == "control" else colour
    axes.plot(
        [model.macro_f1],
        [height],
        MARKERS[model.kind],
        markersize=8,
        markerfacecolor=face,
        markeredgecolor=colour,
        markeredgewidth=2,
    )
    axes.text(high + 0.03 * room, height, score(model.macro_f1), va="center", size=11, color=COLOURS["ink"])


def curve_charts(curves: Sequence[Curve]) -> list[tuple[str, str]]:
    """Draw validation macro-F1 by step, one panel per teacher and one per student with its control.

    Returns each panel's title and SVG. Student panels share their heights, so that they compare.
    """
    controls = {curve.name: curve for curve in curves if curve.kind == "control"}
    teachers = [[curve] for curve in curves if curve.kind == "teacher"]
    students = [[curve, controls[curve.name]] for curve in curves if curve.kind == "student"]
    panels: list[tuple[str, str]] = []
    for group in (teachers, students):
        limits = _limits([curve for panel in group for curve in panel])
        for panel in group:
            title = f"{panel[0].name} ({panel[0].kind})"
            panels.append((title, _curve_panel(panel, limits, f"curve-{len(panels)}")))
    return panels


def _curve_panel(panel: Sequence[Curve], limits: tuple[float, float], prefix: str) -> str:
    with _canvas(WIDTH * 0.8, WIDTH * 0.5) as (figure, axes):
        figure.subplots_adjust(left=0.13, right=0.97, top=0.96, bottom=0.22)
        axes.set_xlabel("step")
        axes.set_ylim(*limits)
        axes.locator_params(axis="x", nbins=5, integer=True)
        axes.locator_params(axis="y", nbins=5)
        for curve in reversed(panel):
            seen = _validated(curve)
            colour, dashes = COLOURS[curve.kind], "--" if curve.kind == "control" else "-"
            marker = "o" if len(seen) == 1 else ""
            axes.plot(
                seen["step"],
                seen["validation_macro_f1"],
                dashes,
                marker=marker,
                color=colour,
                linewidth=2,
                markersize=4,
            )
            kept = seen[seen["step"] == curve.best_step]
            axes.plot(
                kept["step"],
                kept["validation_macro_f1"],
                "o",
                markersize=8,
                markerfacecolor=COLOURS["paper"],
                markeredgecolor=colour,
                markeredgewidth=2,
            )
        return _svg(figure, prefix)


def _limits(curves: Sequence[Curve]) -> tuple[float, float]:
    values = [value for curve in curves for value in _validated(curve)["validation_macro_f1"]]
    if not values:
        return 0.0, 1.0
    margin = 0.08 * max(max(values) - min(values), 0.02)
    return math.floor((min(values) - margin) * 100) / 100, math.ceil((max(values) + margin) * 100) / 100


def _validated(curve: Curve) -> pd.DataFrame:
    return curve.frame.dropna(subset=["step", "validation_macro_f1"])


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


@contextmanager
def _canvas(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Yield a figure of ``width`` x ``height`` pixels in our style, whatever the user's own settings are."""
    with style.context(["default", STYLE]):
        figure = Figure(figsize=(width / 72, height / 72))
        yield figure, figure.subplots()


def _svg(figure: Figure, prefix: str) -> str:
    """Return the drawing as an ``<svg>`` to stand in a page: ids made unique, colours left to the page."""
    stream = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(stream, format="svg", metadata=nothing)
    text = stream.getvalue()
    text = text[text.index("<svg ") :]
    text = re.sub(r"\s*<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', r'<svg \1 aria-hidden="true">', text, count=1)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = text.replace('xlink:href="#', f'href="#{prefix}-').replace("url(#", f"url(#{prefix}-")
    text = re.sub(r"font-family: [^;\"]*", "font-family: inherit", text)
    for name, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    return text.strip()
