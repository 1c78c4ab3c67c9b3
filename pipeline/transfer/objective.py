"""The objective: the weighted sum of the losses that params.yaml lists."""

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch

from pipeline.configs import LossConfig
from pipeline.errors import GraftError
from pipeline.models.outputs import PooledClassifierOutput
from pipeline.transfer.losses import LOSSES


class Objective:
    """Σ weight · loss(student logits, teacher logits), in the order of params.yaml.

    Raises GraftError at construction for a loss or a setting that does not exist.
    """

    def __init__(self, losses: Sequence[LossConfig]) -> None:
        self.terms = [(config.weight, _bind(at, config)) for at, config in enumerate(losses)]

    def __call__(self, outputs: PooledClassifierOutput, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the scalar objective of a batch that holds ``teacher_logits`` (B, labels)."""
        terms = [weight * loss(outputs.logits, batch["teacher_logits"]) for weight, loss in self.terms]
        return torch.stack(terms).sum()


def _bind(at: int, config: LossConfig) -> Any:
    key = f"transfer.losses.{at}"
    if config.name not in LOSSES:
        raise GraftError(f"{key}.name is {config.name!r}; allowed: {', '.join(LOSSES)}")
    loss = LOSSES[config.name]
    settings = config.model_extra or {}
    allowed = list(inspect.signature(loss).parameters)[2:]
    for name, value in settings.items():
        if name not in allowed:
            raise GraftError(f"{key}.{name} is not a setting of {config.name}; allowed: {', '.join(allowed) or 'none'}")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise GraftError(f"{key}.{name} is {value!r}: must be a number")
    bound = partial(loss, **settings)
    try:
        bound(torch.zeros(1, 2), torch.zeros(1, 2))
    except ValueError as error:
        raise GraftError(f"{key}: {error}") from None
    return bound
