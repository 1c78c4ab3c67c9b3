"""``export``: the folders that classify without torch."""

from pydantic import model_validator

from pipeline.settings.base import Count, Section, Share


class ExportConfig(Section):
    """What the exported folders hold, and what makes a label sure: ``accuracy`` or ``coverage``, one of the two."""

    vocabulary: Count = 10_000
    accuracy: Share | None = None
    coverage: Share | None = None

    @model_validator(mode="after")
    def _one_threshold(self) -> "ExportConfig":
        if (self.accuracy is None) == (self.coverage is None):
            raise ValueError(
                "set one of accuracy (share of right labels among the sure ones) and coverage (share of texts that "
                "get a sure label), not both"
            )
        return self
