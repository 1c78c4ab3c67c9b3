"""``pretraining``: masked language models trained here."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.settings.base import TRANSFER_SET, Count, Positive, Seed, Text
from pipeline.settings.optimisation import OptimisationConfig

Masking = Literal["words", "spans", "tokens"]


class PretrainingConfig(OptimisationConfig):
    """A masked language model trained here: from random weights, or from those of a pretrained model."""

    source: Text
    tokenizer: Text
    config: dict[str, Any] = {}
    steps: Count
    batch_size: Count = 32
    length: Annotated[int, Field(ge=8, le=8192)] = 128
    masking: Masking = "words"
    rate: Annotated[float, Field(gt=0, le=0.5)] = 0.15
    held_out: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    learning_rate: Positive = 5.0e-4
    evaluations: Count = 10
    seed: Seed = 13

    @property
    def is_new(self) -> bool:
        """Whether the weights start at random."""
        return self.source == TRANSFER_SET

    @model_validator(mode="after")
    def _new_or_not(self) -> "PretrainingConfig":
        if self.is_new != bool(self.config):
            raise ValueError(
                f"source is {self.source!r}; with a config, from random weights, it must be {TRANSFER_SET}, "
                "without one the folder of a pretrained model"
            )
        return self
