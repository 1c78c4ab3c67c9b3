"""``finetune``: the teachers' training."""

from typing import Annotated

from pydantic import Field

from pipeline.settings.base import Count
from pipeline.settings.optimisation import TrainingConfig


class FinetuneConfig(TrainingConfig):
    """The teacher's training."""

    epochs: Annotated[float, Field(gt=0, le=1000)]
    evaluations: Count = 4
