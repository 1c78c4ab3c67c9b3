"""The chart that carries the decision: quality against latency, size as area; against size until speed is measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from pipeline.report.charts.drawing import COLOURS, canvas, short, svg
from pipeline.report.charts.placing import CHARACTER, Box, Placer, beside
from pipeline.report.numbers import megabytes, milliseconds, score
from pipeline.report.results import ModelResult, Results

MARGINS = {"left": 50, "right": 8, "top": 6, "bottom": 46}  # pixels
LARGEST, SMALLEST = 1000.0, 20.0  # square pixels of a mark's square
TEXT = 12


@dataclass(frozen=True)
class Point:
    """A model in the chart; a control stands at its student's place."""

    model: ModelResult
    x: float
    area: float


def decision_charts(results: Results) -> dict[str, str]:
    """Return the chart for wide pages and for phones, which differ in size alone: text keeps its own."""
    return {"wide": _draw(results, 640, 430, "decision"), "slim": _draw(results, 360, 430, "decision-slim")}


def _draw(results: Results, width: int, height: int, prefix: str) -> str:
    """Draw teacher, students and controls at their latency or size, and rivals, of which neither is known, as lines."""
    points = _points(results)
    rivals = results.of("rival")
    with canvas(width, height) as (figure, axes):
        figure.subplots_adjust(
            left=MARGINS["left"] / width,
            right=1 - MARGINS["right"] / width,
            top=1 - MARGINS["top"] / height,
            bottom=MARGINS["bottom"] / height,
        )
        _scale(axes, points, rivals, results)
        placer = Placer(_frame(axes))
        for rival in rivals:
            _draw_rival(axes, rival)
        for point in points:
            if point.model.kind == "student":
                _draw_gain(axes, point, results.controls[point.model.name], placer)
            _draw_interval(axes, point)
        for point in points:
            _draw_mark(axes, point, placer)
        for point in points:
            if point.model.kind != "control":
                _label(axes, point, placer)
        for rival in rivals:
            _label_rival(axes, rival, placer)
        return svg(figure, prefix)


def describe(results: Results) -> str:
    """Return in words what the chart shows, for those who do not see it."""
    axis = "latency" if results.is_timed else "size"
    parts = []
    for point in _points(results):
        at = f"{milliseconds(point.x)} milliseconds" if results.is_timed else f"{point.x:.1f} megabytes"
        parts.append(f"{point.model.title} {score(point.model.score)} at {at}")
    parts += [f"{rival.name} {score(rival.score)}" for rival in results.of("rival")]
    return (
        f"Chart of {results.measure.title} against {axis}: {'; '.join(parts)}. The tables below hold the same figures."
    )


def _points(results: Results) -> list[Point]:
    """The teacher and the students that have a place, each student after its control, the largest marks first."""
    shown = [model for model in results.shipped if not results.is_timed or model.latency is not None]
    largest = max(float(model.bytes_int8 or 0) for model in shown)
    points = []
    for model in sorted(shown, key=lambda model: -float(model.bytes_int8 or 0)):
        weight = float(model.bytes_int8 or 0)
        x = float(model.latency or 0) if results.is_timed else weight / 1e6
        area = max(LARGEST * weight / largest, SMALLEST)
        kin = [results.controls[model.name]] if model.kind == "student" else []
        points += [Point(each, x, area) for each in (*kin, model)]
    return points


def _scale(axes: Axes, points: Sequence[Point], rivals: Sequence[ModelResult], results: Results) -> None:
    is_timed = results.is_timed
    bounds = [bound for model in (*(point.model for point in points), *rivals) for bound in model.interval]
    room = max(max(bounds) - min(bounds), 0.02)
    axes.set_ylim(min(bounds) - 0.05 * room, max(bounds) + 0.07 * room)
    axes.locator_params(axis="y", nbins=7, steps=[1, 2, 5, 10])
    axes.set_xscale("log")
    low, high = min(point.x for point in points), max(point.x for point in points)
    margin = max((high / low) ** 0.16, 1.4)
    axes.set_xlim(low / margin, high * margin)
    ticks = [tick for tick in _round_numbers(low, high) if low / margin <= tick <= high * margin]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xlabel(
        f"← {'milliseconds for one text' if is_timed else 'megabytes of the int8 file'}, log scale", size=TEXT
    )
    axes.set_ylabel(f"{results.measure.title} on the test split →", size=TEXT)


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten around ``low`` to ``high``; powers alone where these are many."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    steps = (1, 2, 5) if high / low < 1000 else (1,)
    return [step * 10.0**power for power in powers for step in steps]


def _draw_rival(axes: Axes, rival: ModelResult) -> None:
    axes.axhspan(*rival.interval, color=COLOURS["rival"], alpha=0.1, linewidth=0)
    axes.axhline(rival.score, color=COLOURS["rival"], linewidth=1.5, dashes=(5, 3))


def _draw_gain(axes: Axes, point: Point, control: ModelResult, placer: Placer) -> None:
    ends = [control.score, point.model.score]
    axes.plot([point.x] * 2, ends, color=COLOURS["control"], linewidth=1.5, linestyle=(0, (1, 2.5)))
    x = axes.transData.transform((point.x, ends[0]))[0]
    low, high = sorted(float(axes.transData.transform((point.x, end))[1]) for end in ends)
    placer.block(Box(x - 1, low, x + 1, high))


def _draw_interval(axes: Axes, point: Point) -> None:
    colour = COLOURS[point.model.kind]
    low, high = point.model.interval
    width = 1.5 if point.model.kind == "control" else 2
    axes.plot([point.x] * 2, [low, high], "_-", color=colour, linewidth=width, markersize=9, markeredgewidth=width)


def _draw_mark(axes: Axes, point: Point, placer: Placer) -> None:
    colour, hollow = COLOURS[point.model.kind], point.model.kind == "control"
    axes.scatter(
        [point.x],
        [point.model.score],
        s=point.area,
        facecolors=COLOURS["paper"] if hollow else colour,
        edgecolors=colour if hollow else COLOURS["paper"],
        linewidths=1.75 if hollow else 1,
        zorder=3,
    )
    radius = math.sqrt(point.area) / 2
    x, y = axes.transData.transform((point.x, point.model.score))
    placer.block(Box(x - radius, y - radius, x + radius, y + radius))
    low, high = _ends(axes, point)
    placer.block(Box(x - 5, low - 1, x + 5, high + 1))


def _ends(axes: Axes, point: Point) -> tuple[float, float]:
    """The heights of the interval's ends, in pixels."""
    low, high = (float(axes.transData.transform((point.x, bound))[1]) for bound in point.model.interval)
    return low, high


def _label(axes: Axes, point: Point, placer: Placer) -> None:
    x, y = axes.transData.transform((point.x, point.model.score))
    text = f"{short(point.model.name)} {megabytes(point.model.bytes_int8)}"
    box = placer.place(beside(x, y, math.sqrt(point.area) / 2, _ends(axes, point), text, TEXT + 2))
    side = "right" if box.right <= x else "left" if box.left >= x else "center"
    _write(axes, box, text, COLOURS[point.model.kind], side)


def _label_rival(axes: Axes, rival: ModelResult, placer: Placer) -> None:
    """Write the rival's name above or below its line, where there is room: at its ends rather than between them."""
    y, frame, height = axes.transData.transform((1, rival.score))[1], placer.frame, TEXT + 2
    text = f"{short(rival.name)} {score(rival.score)}"
    width = CHARACTER * height * len(text)
    first, last = frame.left + 4, frame.right - 4 - width
    places = [
        Box(left, bottom, left + width, bottom + height)
        for left in (first, last, *(first + share * (last - first) for share in (0.2, 0.4, 0.6, 0.8)))
        for bottom in (y + 2, y - 2 - height)
    ]
    box = placer.place(places)
    side = {first: "left", last: "right"}.get(box.left, "center")
    _write(axes, box, text, COLOURS["rival"], side)


def _write(axes: Axes, box: Box, text: str, colour: str, side: str) -> None:
    """Write ``text`` into ``box``, from the side that is next to the mark: the page's type may be narrower."""
    across = {"left": box.left, "center": (box.left + box.right) / 2, "right": box.right}[side]
    x, y = axes.transAxes.inverted().transform((across, (box.bottom + box.top) / 2))
    axes.text(x, y, text, transform=axes.transAxes, ha=side, va="center", size=TEXT, color=colour, weight="bold")


def _frame(axes: Axes) -> Box:
    (left, bottom), (right, top) = axes.transAxes.transform([(0, 0), (1, 1)])
    return Box(left, bottom, right, top)
