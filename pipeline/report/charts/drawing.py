"""What all charts share. They are inline SVG: the same bytes for the same figures, in the colours of the page.

Matplotlib draws with stand-in colours that are then replaced by CSS variables, so that one drawing
serves light and dark; its text stays text, in the page's own type and readable by a screen reader.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.report.results import ModelResult

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


def short(name: str) -> str:
    """Return ``name``, cut where a chart has no room for it."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def draw_point(axes: Axes, x: float, y: float, model: ModelResult) -> None:
    """Draw a model's mark; a control's is hollow."""
    colour = COLOURS[model.kind]
    face = COLOURS["paper"] if model.kind == "control" else colour
    marker = MARKERS[model.kind]
    axes.plot([x], [y], marker, markersize=8, markerfacecolor=face, markeredgecolor=colour, markeredgewidth=2)


@contextmanager
def canvas(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Yield a figure of ``width`` x ``height`` pixels in the page's style, whatever the user's own settings are."""
    with style.context(["default", STYLE]):
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        yield figure, figure.subplots()


def svg(figure: Figure, prefix: str) -> str:
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
