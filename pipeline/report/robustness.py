"""What typing errors and hidden characters cost each model, and what the policy of the texts wins back."""

from collections.abc import Mapping
from typing import get_args

from pipeline.report.numbers import NARROW, count, percent, score
from pipeline.report.results import Results
from pipeline.report.tables import Table
from pipeline.settings.robustness import Attack

TITLES = {
    "swap": "Swapped",
    "drop": "Left out",
    "insert": "Put in",
    "keyboard": "Key beside",
    "case": "Other case",
    "homoglyphs": "Look-alikes",
    "zero_width": "Invisible",
}


def robustness_table(results: Results) -> Table:
    """Return the score of the teacher, each student and its control on a sample of the test split, attacked."""
    key = results.measure.key
    models = [model for model in results.in_reading_order if model.key in results.robustness]
    found = [results.robustness[model.key] for model in models]
    kinds = [kind for kind in get_args(Attack) if f"{key}_{kind}" in found[0]]
    rows = [
        [
            model.title,
            score(each[key]),
            *(_cell(each, f"{key}_{kind}") for kind in kinds),
            percent(each.get("won_back")),
        ]
        for model, each in zip(models, found, strict=True)
    ]
    texts, rate = count(int(found[0]["texts"])), percent(found[0]["rate"])
    caption = (
        f"{results.measure.heading} on {texts} test texts, {rate} of their letters hit; "
        "an arrow leads to what the policy of the texts gives, where it changes something"
    )
    headings = ["Model", f"As{NARROW}written", *(TITLES[kind] for kind in kinds), f"Won{NARROW}back"]
    return Table(caption, headings, rows, [model.kind for model in models])


def _cell(figures: Mapping[str, float], key: str) -> str:
    attacked, repaired = figures[key], figures[f"{key}_policy"]
    return score(attacked) if score(attacked) == score(repaired) else f"{score(attacked)} → {score(repaired)}"
