"""How a model is tuned: ``teachers.NAME.tuning`` and ``students.NAME.tuning``; without it all weights learn alike."""

from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from pipeline.settings.base import Count, Positive, Section, Text
from pipeline.settings.optimisation import TrainingConfig

Training = TypeVar("Training", bound=TrainingConfig)


class LoraConfig(Section):
    """Adapters of low rank beside an encoder's matrices, which themselves stay as they were (Hu et al. 2021).

    Without ``targets``, the last parts of modules' names such as ``query``, every linear layer gets one.
    """

    rank: Count = 8
    alpha: Positive = 16.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    targets: Annotated[list[Text], Field(min_length=1)] | None = None


class TuningConfig(Section):
    """What any model may ask for: which layers learn, when and how fast; the loss of gold labels; an early end."""

    head_only: bool = False
    frozen_layers: Annotated[int, Field(ge=0)] | None = None
    unfreezing: Annotated[float, Field(gt=0, le=1)] | None = None
    layer_decay: Annotated[float, Field(gt=0, le=1)] | None = None
    class_weights: Literal["none", "balanced"] = "none"
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    gamma: Annotated[float, Field(ge=0)] | None = None
    patience: Count | None = None

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        layers = self._layer_settings()
        if len(layers) > 1 and {"head_only", "lora"} & set(layers):
            raise ValueError(f"{' and '.join(layers)} do not go together; keep one of them")
        if self.gamma is not None and self.loss != "focal":
            raise ValueError(f"gamma is {self.gamma}, which only loss: focal reads")
        return self

    def _layer_settings(self) -> list[str]:
        chosen = {
            "head_only": self.head_only,
            "frozen_layers": self.frozen_layers is not None,
            "unfreezing": self.unfreezing is not None,
            "layer_decay": self.layer_decay is not None,
        }
        return [name for name, given in chosen.items() if given]

    @property
    def is_of_one_label(self) -> bool:
        """Whether it weighs labels, which only a text of one label of several has."""
        return self.class_weights != "none" or self.loss != "cross_entropy"

    @property
    def focus(self) -> float:
        """The exponent of the focal loss; 0 makes it the cross-entropy."""
        if self.loss != "focal":
            return 0.0
        return 2.0 if self.gamma is None else self.gamma


class StudentTuning(TuningConfig):
    """How a student is tuned."""

    def of_control(self) -> "StudentTuning":
        """What holds for its control, too, which starts at random and so learns with all of its layers."""
        return StudentTuning(class_weights=self.class_weights, loss=self.loss, gamma=self.gamma, patience=self.patience)


class TeacherTuning(TuningConfig):
    """How a teacher is tuned: also with adapters, with a learning rate and with a pooling of its own."""

    learning_rate: Positive | None = None
    lora: LoraConfig | None = None
    pooling: Literal["mean", "attention", "first"] = "mean"

    def applied_to(self, training: Training) -> Training:
        """The common ``training`` of teachers with the learning rate of this one, if it has its own."""
        return (
            training
            if self.learning_rate is None
            else training.model_copy(update={"learning_rate": self.learning_rate})
        )

    def _layer_settings(self) -> list[str]:
        return [*super()._layer_settings(), *(["lora"] if self.lora is not None else [])]
