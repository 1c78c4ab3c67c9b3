"""Tables as the benchmarks print them: Markdown, a mean with its spread, seconds, ratios."""

from collections.abc import Sequence
from statistics import mean, stdev

from pipeline.report.numbers import NOTHING, score


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first column is text, the others are figures."""
    rule = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, rule, *rows))


def text_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are all text."""
    return markdown_table(headings, rows).replace("---:", "---")


def mean_and_spread(values: Sequence[float], wanted: int) -> str:
    """Mean ± standard deviation of scores, and of how many they are where some of ``wanted`` are missing.

    (0.68, 0.70) of 2 → 0.690 ± 0.014; one score has no spread.
    """
    if not values:
        return NOTHING
    text = score(mean(values)) if len(values) == 1 else f"{score(mean(values))} ± {stdev(values):.3f}"
    return text if len(values) == wanted else f"{text} ({len(values)} of {wanted})"


def seconds(value: float) -> str:
    """12.34 → 12.3 s."""
    return f"{value:.1f} s"


def ratio(value: float) -> str:
    """2.345 → 2.3×."""
    return f"{value:.1f}×"
