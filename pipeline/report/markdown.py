"""The same findings as Markdown, for a terminal, a pull request or a wiki."""

import re

from pipeline.report import tables
from pipeline.report.data import data_tables
from pipeline.report.results import Results
from pipeline.report.verdict import verdict


def render_markdown(results: Results) -> str:
    """Return ``report.md``; whatever Markdown or HTML would read as markup is escaped."""
    headline, *findings = verdict(results)
    parts = [f"# {_escaped(results.title)}", f"**{_escaped(headline)}**"]
    if findings:
        parts.append("\n".join(f"- {_escaped(sentence)}" for sentence in findings))
    parts += ["## Models", _table(tables.model_table(results))]
    parts += ["## Labels", _table(tables.label_table(results))]
    by_domain = tables.domain_table(results)
    if by_domain is not None:
        parts += ["## Domains", _table(by_domain)]
    parts += ["## Data", *(_table(table) for table in data_tables(results.summary))]
    return "\n\n".join(parts) + "\n"


def _table(table: tables.Table) -> str:
    rule = ["---", *["---:"] * (len(table.headings) - 1)]
    headings, *rows = ([_escaped(cell) for cell in row] for row in (table.headings, *table.rows))
    lines = [f"| {' | '.join(row)} |" for row in (headings, rule, *rows)]
    return "\n".join([f"{_escaped(table.caption)}.", "", *lines])


def _escaped(text: str) -> str:
    """Return ``text`` on one line, with a backslash before every character that could start markup."""
    return re.sub(r"([\\`*_\[\]<>#|~&!])", r"\\\1", " ".join(text.split()))
