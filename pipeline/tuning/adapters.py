"""LoRA: what an encoder learns is a matrix of low rank beside each of its own, and added to it in the end.

Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", eq. 3; by peft.
"""

from typing import Protocol

from torch import nn
from transformers import PreTrainedModel

from pipeline.errors import GraftError
from pipeline.settings.tuning import LoraConfig


class Adapters(Protocol):
    """What peft makes of a model with adapters."""

    def merge_and_unload(self) -> nn.Module:
        """Add what the adapters learnt to the weights beside them, and take them out."""


def add_adapters(model: PreTrainedModel, config: LoraConfig) -> Adapters:
    """Put adapters into ``model.encoder``, whose own weights then stay as they are; the head learns as before.

    Raises GraftError if no module has a name that ``config`` targets.
    """
    # Imported where it is asked for, for it takes seconds.
    import peft

    settings = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=config.targets or "all-linear",
        # A pooler of the encoder's own is not read here.
        exclude_modules=None if config.targets else r"(.*\.)?pooler\..*",
    )
    try:
        return peft.LoraModel(model.encoder, settings, "default")
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise GraftError(f"tuning.lora.targets is {config.targets}, which fits no layer: {reason}") from None
