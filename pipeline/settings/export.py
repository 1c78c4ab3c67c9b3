"""``export``: the folders that classify without torch."""

from pipeline.settings.base import Count, Section, Share


class ExportConfig(Section):
    """What the exported folders hold."""

    vocabulary: Count = 10_000
    accuracy: Share = 0.9
