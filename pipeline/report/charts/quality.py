"""Macro-F1 of every model with its interval, one line each."""

from matplotlib.axes import Axes

from pipeline.report.charts.drawing import COLOURS, WIDTH, canvas, draw_point, short, svg
from pipeline.report.numbers import score
from pipeline.report.results import ModelResult, Results


def quality_chart(results: Results) -> str:
    """Draw macro-F1 with intervals: one line per model, a student's control under the student itself."""
    lines = [[results.teacher]]
    lines += [[student, results.controls[student.name]] for student in results.ranked_students]
    lines += [[rival] for rival in results.of("rival")]
    low = min(model.interval[0] for line in lines for model in line)
    high = max(model.interval[1] for line in lines for model in line)
    room = max(high - low, 0.02)
    with canvas(WIDTH, 44 * len(lines) + 44) as (figure, axes):
        left = 16 + 7 * max(len(short(line[0].name)) for line in lines)
        figure.subplots_adjust(left=left / WIDTH, right=0.98, top=0.99, bottom=40 / (44 * len(lines) + 44))
        axes.set_xlim(low - 0.06 * room, high + 0.24 * room)
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.set_yticks(range(len(lines)), [short(line[0].name) for line in lines])
        axes.grid(visible=False, axis="y")
        axes.locator_params(axis="x", nbins=7, steps=[1, 2, 5, 10])
        axes.set_xlabel(f"{results.measure.title} on the test split")
        for at, line in enumerate(lines):
            offsets = (-0.17, 0.17) if len(line) == 2 else (0.0,)
            for offset, model in zip(offsets, line, strict=True):
                _draw_interval(axes, at + offset, model, room)
        return svg(figure, "quality")


def _draw_interval(axes: Axes, height: float, model: ModelResult, room: float) -> None:
    low, high = model.interval
    axes.plot([low, high], [height, height], color=COLOURS[model.kind], linewidth=2, solid_capstyle="round")
    draw_point(axes, model.score, height, model)
    axes.text(high + 0.03 * room, height, score(model.score), va="center", size=11, color=COLOURS["ink"])
