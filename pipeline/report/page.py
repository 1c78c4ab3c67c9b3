"""The page: one HTML file that fetches nothing and reads the same from a disk and from a server."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.report import tables
from pipeline.report.charts import curve_charts, quality_chart
from pipeline.report.data import data_tables
from pipeline.report.numbers import percent
from pipeline.report.results import Results
from pipeline.report.verdict import verdict


def render_page(results: Results) -> str:
    """Return ``index.html``; every name and text of the data is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    headline, *findings = verdict(results)
    return environment.get_template("page.html.j2").render(
        title=results.title,
        headline=headline,
        findings=findings,
        models=tables.model_table(results),
        quality=Markup(quality_chart(results)),
        by_label=tables.label_table(results),
        by_domain=tables.domain_table(results),
        matrices=tables.confusion_matrices(results),
        confusions=tables.confusion_lists(results),
        curves=[(title, Markup(chart)) for title, chart in curve_charts(results.curves)],
        data=data_tables(results.summary),
        confidence=percent(results.confidence),
    )
