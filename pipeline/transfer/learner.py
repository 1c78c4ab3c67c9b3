"""A student and what teaches it, as one module: what Trainer optimises and every process wraps."""

import torch
from torch import nn
from transformers import PreTrainedModel

from pipeline.models.outputs import PooledClassifierOutput
from pipeline.transfer.objective import Objective


class Learner(nn.Module):
    """The student, with the objective in place of its loss while it trains.

    Validation always measures the cross-entropy of the gold labels.
    """

    def __init__(self, student: PreTrainedModel, objective: Objective) -> None:
        super().__init__()
        self.student = student
        self.objective = objective

    @property
    def config(self) -> object:
        """The student's configuration, which Trainer looks at."""
        return self.student.config

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        portions: torch.Tensor | None = None,
        **signals: torch.Tensor,
    ) -> PooledClassifierOutput:
        """Classify (B, T) tokens; in training return the objective's loss on ``signals`` alone.

        ``portions`` are as in the objective.
        """
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        if not self.training:
            return self.student(**inputs, labels=labels)
        outputs = self.student(**inputs)
        # The loss alone: of the rest, several processes would wait for the gradient of what it does not read.
        return PooledClassifierOutput(loss=self.objective(outputs, signals, portions))
