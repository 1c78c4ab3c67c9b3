"""What a masked language model says of the tokens that it is asked for, at no more cost than these."""

from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.utils import ModelOutput


def guess(
    model: PreTrainedModel, input_ids: torch.Tensor, attention_mask: torch.Tensor, asked: torch.Tensor, alone: bool
) -> torch.Tensor:
    """Scores (N, V) of the N tokens that ``asked`` (B, T, boolean) marks, in its order.

    Scoring every token of the vocabulary costs as much as a small encoder itself. Where the head reads each state
    ``alone`` (see ``reads_alone``), it is given those that are asked for and no others.
    """
    if not alone:
        return model(input_ids=input_ids, attention_mask=attention_mask).logits[asked]

    def pick(_: torch.nn.Module, __: Any, output: ModelOutput) -> ModelOutput:
        states = "last_hidden_state" if "last_hidden_state" in output else "tokens"
        output[states] = output[states][asked][None]
        return output

    # In several processes the model is wrapped, and the wrapper must be the one that is called.
    inner: PreTrainedModel = getattr(model, "module", model)
    hook = inner.base_model.register_forward_hook(pick)
    try:
        return model(input_ids=input_ids, attention_mask=attention_mask).logits[0]
    finally:
        hook.remove()


@torch.inference_mode()
def reads_alone(model: PreTrainedModel, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> bool:
    """Whether the head scores a token from that token's last state alone: tried on the texts given, (B, T)."""
    if model.base_model is model:
        return False
    asked = attention_mask.bool() & (torch.arange(input_ids.shape[1], device=input_ids.device) % 3 == 1)
    was_training = model.training
    model.eval()
    try:
        every = guess(model, input_ids, attention_mask, asked, alone=False)
        few = guess(model, input_ids, attention_mask, asked, alone=True)
    except (RuntimeError, LookupError, AttributeError, TypeError):
        # A head that wants the whole of the states, or an encoder that returns them otherwise.
        return False
    finally:
        model.train(was_training)
    return few.shape == every.shape and torch.allclose(few, every, rtol=1e-3, atol=1e-3)
