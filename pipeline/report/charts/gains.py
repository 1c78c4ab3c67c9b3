"""What each student gained over its control, in points of macro-F1."""

from pipeline.report.charts.drawing import COLOURS, WIDTH, canvas, draw_point, short, svg
from pipeline.report.numbers import signed_points
from pipeline.report.results import Results

LINE = 36  # pixels a student


def gain_chart(results: Results) -> str:
    """Draw one line per student: its gain with the interval, and where no gain lies."""
    students = results.ranked_students
    spans = [[100 * float(each.figures[key]) for key in ("gain_low", "gain", "gain_high")] for each in students]
    low, high = min(0.0, *(span[0] for span in spans)), max(0.0, *(span[2] for span in spans))
    room = max(high - low, 1.0)
    height = LINE * len(students) + 48
    with canvas(WIDTH, height) as (figure, axes):
        left = 16 + 7 * max(len(short(student.name)) for student in students)
        figure.subplots_adjust(left=left / WIDTH, right=0.98, top=0.99, bottom=44 / height)
        axes.set_xlim(low - 0.03 * room, high + 0.2 * room)
        axes.set_ylim(len(students) - 0.4, -0.6)
        axes.set_yticks(range(len(students)), [short(student.name) for student in students])
        axes.grid(visible=False, axis="y")
        axes.locator_params(axis="x", nbins=7, steps=[1, 2, 5, 10])
        axes.set_xlabel(f"points of {results.measure.title} over the same model without transfer")
        axes.axvline(0, color=COLOURS["muted"], linewidth=1.5)
        for at, (student, (lowest, gain, highest)) in enumerate(zip(students, spans, strict=True)):
            axes.plot([lowest, highest], [at, at], color=COLOURS["student"], linewidth=2, solid_capstyle="round")
            draw_point(axes, gain, at, student)
            axes.text(highest + 0.03 * room, at, signed_points(gain / 100), va="center", size=11, color=COLOURS["ink"])
        return svg(figure, "gains")
