"""What every model of the pipeline returns, and how it pools token states."""

from dataclasses import dataclass

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss
from transformers.modeling_outputs import SequenceClassifierOutput


@dataclass
class PooledClassifierOutput(SequenceClassifierOutput):
    """A sequence classifier's output with what it thinks of a text, ``pooled`` (B, width), and of its tokens.

    ``tokens`` (B, T, width of a token's state) are the states that ``pooled`` was made of.
    """

    pooled: torch.Tensor | None = None
    tokens: torch.Tensor | None = None


def classifier_output(
    logits: torch.Tensor, pooled: torch.Tensor, tokens: torch.Tensor, labels: torch.Tensor | None
) -> PooledClassifierOutput:
    """Bundle what a model returns, with ``label_loss`` if labels are given."""
    loss = None if labels is None else label_loss(logits.float(), labels)
    return PooledClassifierOutput(loss=loss, logits=logits, pooled=pooled, tokens=tokens)


def label_loss(logits: torch.Tensor, labels: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
    """What logits (B, labels) cost, by the kind of task that the labels are of.

    Positions (B,) int64: cross-entropy. 0 or 1 for each of several labels, (B, labels): binary cross-entropy, of all
    labels of all texts. A number, (B, 1): squared error. ``reduction`` is as in torch.
    """
    if not labels.is_floating_point():
        return cross_entropy(logits, labels, reduction=reduction)
    cost = mse_loss if logits.shape[1] == 1 else binary_cross_entropy_with_logits
    return cost(logits, labels, reduction=reduction)


def mean_pool(states: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Mean of the unmasked token states: (B, T, D) and (B, T) to (B, D); a text without tokens gives zeros."""
    mask = attention_mask.unsqueeze(-1).to(states.dtype)
    return (states * mask).sum(1) / mask.sum(1).clamp(min=1)


def max_pool(states: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Maximum over the unmasked token states: (B, T, D) and (B, T) to (B, D)."""
    hidden = states.masked_fill(attention_mask.unsqueeze(-1) == 0, torch.finfo(states.dtype).min)
    return hidden.amax(1)


def attention_pool(states: torch.Tensor, scores: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Mean of the states (B, T, D) weighted by the softmax of scores (B, T) over the unmasked tokens: (B, D)."""
    scores = scores.masked_fill(attention_mask == 0, torch.finfo(scores.dtype).min)
    return (states * scores.softmax(1).unsqueeze(-1)).sum(1)
