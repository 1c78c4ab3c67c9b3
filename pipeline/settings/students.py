"""``budget`` and ``students``: what a student is and what it may spend."""

from typing import Annotated, Any

from pydantic import Field

from pipeline.settings.base import Count, Positive, Section, Seed, Text
from pipeline.settings.optimisation import TrainingConfig
from pipeline.settings.tuning import StudentTuning


class BudgetConfig(TrainingConfig):
    """What a student and its control may both spend."""

    steps: Count
    evaluations: Count = 12
    seed: Seed = 13


class OwnBudget(Section):
    """What a student and its control change of the common budget."""

    steps: Count | None = None
    batch_size: Count | None = None
    learning_rate: Positive | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None

    def applied_to(self, budget: BudgetConfig) -> BudgetConfig:
        """The common ``budget`` with what the student changes of it."""
        return budget.model_copy(update=self.model_dump(exclude_none=True))


class OwnControl(Section):
    """What a control changes of its student's config: regularisation alone, so that both keep one size.

    Gold labels on the training texts are overfitted sooner than a teacher's logits on many more texts.
    """

    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    word_dropout: Annotated[float, Field(ge=0, lt=1)] | None = None


class StudentConfig(Section):
    """A student: its architecture (a file of pipeline/models), tokenizer, start and size.

    ``start`` is the folder that its weights start from: the teachers', or that of a model pretrained for it;
    ``learns_from`` that of the signals it learns from: the teachers', or a round's.
    """

    architecture: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    tokenizer: Text
    start: Text
    learns_from: Text
    config: dict[str, Any] = {}
    budget: OwnBudget = OwnBudget()
    control: OwnControl = OwnControl()
    tuning: StudentTuning = StudentTuning()

    def control_config(self) -> dict[str, Any]:
        """The config of the student's control."""
        return self.config | self.control.model_dump(exclude_none=True)
