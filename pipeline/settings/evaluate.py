"""``evaluate``: bootstrap intervals and the reading of the test split."""

from typing import Annotated

from pydantic import Field

from pipeline.settings.base import Count, Section, Seed, Share


class EvaluateConfig(Section):
    """Bootstrap intervals and the reading of the test split."""

    resamples: Annotated[int, Field(ge=100, le=100_000)] = 2000
    confidence: Share = 0.95
    seed: Seed = 7
    batch_tokens: Count = 16384
