"""``robustness``: how the texts are attacked that measure what noise costs."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.settings.base import Count, Section, Seed

Attack = Literal["swap", "drop", "insert", "keyboard", "case", "homoglyphs", "zero_width"]


class RobustnessConfig(Section):
    """The sample of the test split and what is done to it; ``pipeline.evaluation.robustness`` makes the attacks."""

    texts: Count = 500
    kinds: Annotated[list[Attack], Field(min_length=1)] = [
        "swap",
        "drop",
        "insert",
        "keyboard",
        "case",
        "homoglyphs",
        "zero_width",
    ]
    rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    seed: Seed = 7
