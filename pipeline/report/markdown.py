"""The same findings as Markdown, for a terminal, a pull request or a wiki."""

import re

from pipeline.report import tables
from pipeline.report.data import data_tables
from pipeline.report.origin import source_table, training_table
from pipeline.report.parts import domain_table, label_table
from pipeline.report.results import Results
from pipeline.report.robustness import robustness_table
from pipeline.report.sureness import calibration_table
from pipeline.report.verdict import verdict


def render_markdown(results: Results) -> str:
    """Return ``report.md``; whatever Markdown or HTML would read as markup is escaped."""
    found = verdict(results)
    speed, by_domain = tables.speed_table(results, "int8"), domain_table(results)
    sections: dict[str, list[tables.Table | None]] = {
        "Models": [tables.model_table(results)],
        "Size and speed": [tables.cost_table(results), speed],
        "Labels": [label_table(results)],
        "Domains": [by_domain],
        "Calibration": [calibration_table(results)],
        "Noise": [robustness_table(results)],
        "Data": [*data_tables(results.summary, results.tokenizers)],
        "Provenance": [source_table(results), training_table(results)],
    }
    parts = [f"# {_escaped(results.title)}", f"**{_escaped(found.headline)}**"]
    for title, sentences in ((found.others_title, found.others), ("Before you rely on it", found.caveats)):
        if sentences:
            parts += [f"{title}:", "\n".join(f"- {_sentence(sentence)}" for sentence in sentences)]
    for title, section in sections.items():
        if shown := [_table(table) for table in section if table is not None]:
            parts += [f"## {title}", *shown]
    return "\n\n".join(parts) + "\n"


def _table(table: tables.Table) -> str:
    rule = ["---", *["---:"] * (len(table.headings) - 1)]
    headings, *rows = ([_escaped(cell) for cell in row] for row in (table.headings, *table.rows))
    lines = [f"| {' | '.join(row)} |" for row in (headings, rule, *rows)]
    return "\n".join([f"{_escaped(table.caption)}.", "", *lines])


def _sentence(text: str) -> str:
    """Escape all but what stands between backticks, which is code in Markdown too."""
    return "`".join(part if at % 2 else _literal(part) for at, part in enumerate(" ".join(text.split()).split("`")))


def _escaped(text: str) -> str:
    """Return ``text`` on one line, with a backslash before every character that could start markup."""
    return _literal(" ".join(text.split()))


def _literal(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>#|~&!])", r"\\\1", text)
