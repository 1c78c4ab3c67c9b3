"""Smaller embeddings: without the tokens that the texts never use, and with eight bits a value.

The tokenizer stays as it is: a table of one small number a token says which row of the smaller embedding it reads,
and tokens that were left out read the row of the unknown token.
"""

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel


# Rows from which an embedding is worth storing in eight bits.
LARGE = 1000


class PrunedEmbedding(nn.Module):
    """``embedding`` reduced to the rows of ``kept`` tokens; ``other`` is the token that the rest reads as."""

    def __init__(self, embedding: nn.Embedding, kept: np.ndarray, other: int) -> None:
        super().__init__()
        rows = np.full(embedding.num_embeddings, int(np.searchsorted(kept, other)), np.int64)
        rows[kept] = np.arange(len(kept))
        self.register_buffer("rows", torch.from_numpy(rows).to(torch.int32))
        self.weight = nn.Parameter(embedding.weight.detach()[torch.from_numpy(kept)].clone())

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Embed (B, T) to (B, T, D)."""
        return self.weight[self.rows[input_ids].long()]


class Int8Embedding(nn.Module):
    """An embedding, or a pruned one, whose rows are stored as int8 with a scale each.

    onnxruntime's own dynamic quantization leaves tables that are looked up as they are.
    """

    def __init__(self, embedding: nn.Module) -> None:
        super().__init__()
        weight = embedding.weight.detach()
        scale = weight.abs().amax(dim=1).clamp(min=1e-12) / 127
        self.register_buffer("weight", torch.round(weight / scale.unsqueeze(1)).to(torch.int8))
        self.register_buffer("scale", scale)
        self.register_buffer("rows", getattr(embedding, "rows", None))

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Embed (B, T) to (B, T, D)."""
        rows = input_ids if self.rows is None else self.rows[input_ids].long()
        return self.weight[rows].float() * self.scale[rows].unsqueeze(-1)


def quantize_embeddings(model: PreTrainedModel) -> None:
    """Store every embedding of ``model`` with at least a thousand rows as int8."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, (nn.Embedding, PrunedEmbedding)) and len(child.weight) >= LARGE:
                setattr(parent, name, Int8Embedding(child))


def used_tokens(counts: np.ndarray, special: list[int]) -> np.ndarray:
    """Return the tokens that occur by ``counts`` (V,), and the ``special`` ones, in order."""
    kept = counts > 0
    kept[special] = True
    return np.flatnonzero(kept)


def prune_vocabulary(model: PreTrainedModel, kept: np.ndarray, other: int) -> int:
    """Reduce every embedding over the vocabulary in ``model``; return how many rows each has left.

    ``kept`` is in rising order and holds ``other``.
    """
    size = model.config.vocab_size
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Embedding) and child.num_embeddings == size:
                setattr(parent, name, PrunedEmbedding(child, kept, other))
    return len(kept)
