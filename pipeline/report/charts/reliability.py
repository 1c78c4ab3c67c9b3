"""Reliability diagrams: how often labels of each confidence are right (Guo et al. 2017, figure 1)."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from pipeline.evaluation.calibration import Reliability
from pipeline.report.charts.drawing import COLOURS, canvas, svg
from pipeline.report.sureness import Diagram

SIDE = 230  # pixels
FEWEST = 10  # texts of a bin that is drawn
LARGEST = 110  # square points of the fullest bin's mark


def reliability_charts(diagrams: Sequence[Diagram]) -> list[tuple[str, str]]:
    """Return each diagram's title and SVG; all begin where the least sure label of any lies."""
    each = [_shown(found) for diagram in diagrams for found in (diagram.before, diagram.after) if found is not None]
    start = max(0.0, min(float(min(found.confidence.min(), found.accuracy.min())) for found in each) - 0.05)
    return [(diagram.title, _panel(diagram, start, f"reliability-{at}")) for at, diagram in enumerate(diagrams)]


def _shown(found: Reliability) -> Reliability:
    """Leave out bins of so few texts that their share means nothing, unless there are no others."""
    kept = found.texts >= min(FEWEST, found.texts.max())
    return Reliability(found.confidence[kept], found.accuracy[kept], found.texts[kept])


def _panel(diagram: Diagram, start: float, prefix: str) -> str:
    with canvas(SIDE, SIDE * 0.9) as (figure, axes):
        figure.subplots_adjust(left=0.24, right=0.97, top=0.97, bottom=0.23)
        axes.set_xlim(start, 1.03)
        axes.set_ylim(start, 1.03)
        axes.locator_params(nbins=4, steps=[1, 2, 5, 10])
        axes.set_xlabel("confidence")
        axes.set_ylabel("share that is right")
        axes.plot([start, 1], [start, 1], color=COLOURS["muted"], linewidth=1, dashes=(2, 3))
        _draw(axes, _shown(diagram.before), COLOURS["control"], hollow=True)
        if diagram.after is not None:
            _draw(axes, _shown(diagram.after), COLOURS[diagram.kind], hollow=False)
        return svg(figure, prefix)


def _draw(axes: Axes, found: Reliability, colour: str, hollow: bool) -> None:
    confidence, accuracy = found.confidence.round(4), found.accuracy.round(4)
    axes.plot(confidence, accuracy, "--" if hollow else "-", color=colour, linewidth=1.5)
    areas = (LARGEST * found.texts / found.texts.max()).clip(6)
    face = COLOURS["paper"] if hollow else colour
    axes.scatter(confidence, accuracy, s=areas, facecolors=face, edgecolors=colour, linewidths=1.5, zorder=3)
