"""``report``: the page."""

from pipeline.settings.base import Section, Text


class ReportConfig(Section):
    """The page."""

    title: Text
