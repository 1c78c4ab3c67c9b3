"""What the sections of every training share."""

from typing import Annotated

from pydantic import Field

from pipeline.settings.base import Count, Metric, Positive, Precision, Section


class OptimisationConfig(Section):
    """The steps of any training."""

    batch_size: Count
    learning_rate: Positive
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    precision: Precision = "auto"


class TrainingConfig(OptimisationConfig):
    """What every training of a classifier has."""

    metric: Metric = "macro_f1"
