"""``transfer``: what students learn from."""

from typing import Annotated

from pydantic import ConfigDict, Field

from pipeline.settings.base import Section, Text


class LossConfig(Section):
    """One term of the transfer objective; ``pipeline.transfer.losses`` lists the names."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    name: Text
    weight: Annotated[float, Field(gt=0)] = 1.0


class PhaseConfig(Section):
    """A part of a student's training: its share of the steps, and the losses weighed in it."""

    share: Annotated[float, Field(gt=0)] = 1.0
    losses: Annotated[list[LossConfig], Field(min_length=1)]


class TransferConfig(Section):
    """What a student learns from its teachers: one phase after another."""

    warm_start: bool = True
    phases: Annotated[list[PhaseConfig], Field(min_length=1)]
