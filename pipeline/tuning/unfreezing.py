"""Gradual unfreezing: from the head down, one group of layers after another begins to learn.

Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text Classification", section 3.3, which unfreezes a
layer an epoch; here each group has an equal part of a share of the steps before the next one opens.
"""

import math
from collections.abc import Sequence
from typing import Any

from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from pipeline.errors import GraftError


class Unfreezing(TrainerCallback):
    """Lets ``groups``, the lowest first, learn one after another, within ``share`` of the steps.

    What is frozen has no gradient, and so neither weight, momentum nor decay moves it. What is open follows from the
    number of the step alone, so a run that is taken up goes on with the same.
    """

    def __init__(self, groups: Sequence[Sequence[nn.Parameter]], share: float) -> None:
        self.groups = [list(group) for group in groups if group]
        self.share = share

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Refuse several processes, which agree once on what has a gradient.

        Raises GraftError if there are several.
        """
        if args.world_size > 1:
            raise GraftError(f"unfreezing works in one process, not in {args.world_size}; use layer_decay instead")

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Open the groups whose time has come."""
        count = open_groups(len(self.groups), state.global_step, state.max_steps, self.share)
        for at, group in enumerate(self.groups):
            for parameter in group:
                parameter.requires_grad_(at >= len(self.groups) - count)


def open_groups(groups: int, step: int, steps: int, share: float) -> int:
    """How many of ``groups`` learn once ``step`` of ``steps`` are done: one more in each equal part of ``share``."""
    return min(groups, 1 + math.floor(groups * step / (share * steps)))
