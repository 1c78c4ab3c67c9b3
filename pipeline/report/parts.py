"""Quality by label and by domain: one row per model where the parts fit beside one another, else one row per part."""

from collections.abc import Sequence

from pipeline.report.numbers import NARROW, count, score
from pipeline.report.results import Results
from pipeline.report.tables import Table

WIDEST = 12  # parts beside one another


def label_table(results: Results) -> Table | None:
    """Return the F1 of every label by every model; None of a number."""
    if results.task.kind == "regression":
        return None
    keys = results.label_keys()
    return _table(
        results,
        caption="F1 of each label",
        part="Label",
        names=list(results.labels),
        scores=[f"f1_{key}" for key in keys],
        sizes=[f"support_{key}" for key in keys],
    )


def domain_table(results: Results) -> Table | None:
    """Return the score in every domain by every model; None if there is one domain."""
    domains = results.domains()
    if not domains:
        return None
    return _table(
        results,
        caption=f"{results.measure.heading} in each domain",
        part="Domain",
        names=list(domains),
        scores=[f"{results.measure.key}_domain_{key}" for key in domains.values()],
        sizes=[f"rows_domain_{key}" for key in domains.values()],
    )


def _table(
    results: Results, caption: str, part: str, names: Sequence[str], scores: Sequence[str], sizes: Sequence[str]
) -> Table:
    models = results.in_reading_order
    values = [[model.figures.get(key) for key in scores] for model in models]
    texts = [count(results.teacher.figures[key]) for key in sizes]
    if len(names) > WIDEST:
        by_part = [list(column) for column in zip(*values, strict=True)]
        rows = [[name, number, *map(score, row)] for name, number, row in zip(names, texts, by_part, strict=True)]
        heat = [[None, *row] for row in shades(by_part)]
        return Table(
            f"{caption}; the stronger the shade, the better", [part, "Texts", *_titles(results)], rows, heat=heat
        )
    headings = ["Model", *(f"{name} ({number}{NARROW}texts)" for name, number in zip(names, texts, strict=True))]
    rows = [[model.title, *map(score, row)] for model, row in zip(models, values, strict=True)]
    kinds = [model.kind for model in models]
    return Table(f"{caption}; the stronger the shade, the better", headings, rows, kinds, shades(values))


def shades(values: Sequence[Sequence[float | None]]) -> list[list[float | None]]:
    """Return 0 for the lowest of all values, 1 for the highest, and what lies between in proportion."""
    known = [value for row in values for value in row if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    span = high - low or 1.0
    return [[None if value is None else (value - low) / span for value in row] for row in values]


def _titles(results: Results) -> list[str]:
    return [model.title for model in results.in_reading_order]
