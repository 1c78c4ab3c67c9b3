"""Smaller embeddings: with fewer rows than the vocabulary has tokens.

The tokenizer stays as it is: a table of one small number a token says which row of the smaller embedding it reads.
A rare token reads the row that is nearest to its own, not that of the unknown token: what the student was told of it
by the teacher's embeddings is kept but for that distance.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

# The width from which an embedding is worth pruning.
NARROW = 8
# Vectors whose nearest rows are looked for at once.
CHUNK = 4096


class PrunedEmbedding(nn.Module):
    """``embedding`` (V, D) reduced to the rows of ``kept`` tokens (K,); each other token reads the nearest of them."""

    def __init__(self, embedding: nn.Embedding, kept: torch.Tensor) -> None:
        super().__init__()
        whole = embedding.weight.detach()
        self.weight = nn.Parameter(whole[kept].clone())
        rows = nearest_rows(whole, self.weight.detach()).to(torch.int32)
        # A kept token reads its own row, even where another is equal to it.
        rows[kept] = torch.arange(len(kept), dtype=torch.int32)
        # BART's and Gemma's embeddings multiply what they look up.
        self.scale = float(getattr(embedding, "embed_scale", None) or 1.0)
        self.rows: torch.Tensor
        self.register_buffer("rows", rows)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Embed (B, T) to (B, T, D)."""
        found = nn.functional.embedding(self.rows[input_ids].long(), self.weight)
        return found if self.scale == 1 else found * self.scale


def nearest_rows(vectors: torch.Tensor, among: torch.Tensor) -> torch.Tensor:
    """Return for each of ``vectors`` (V, D) which of ``among`` (K, D) is nearest to it by Euclidean distance, (V,)."""
    return torch.cat([torch.cdist(part, among).argmin(dim=1) for part in vectors.split(CHUNK)])


def commonest_tokens(counts: np.ndarray, size: int, special: Sequence[int]) -> np.ndarray:
    """Return the ``size`` tokens that occur most by ``counts`` (V,), and the ``special`` ones, in rising order."""
    commonest = np.argsort(-counts, kind="stable")[:size]
    return np.union1d(commonest, np.asarray(special, np.int64))


def vocabulary_size(model: PreTrainedModel) -> int:
    """Return how many tokens ``model`` has an embedding for."""
    config = model.config
    encoder = getattr(config, "encoder", None)
    return int(encoder["vocab_size"] if encoder else config.vocab_size)


def prune_vocabulary(model: PreTrainedModel, kept: np.ndarray) -> None:
    """Reduce every embedding over the vocabulary in ``model`` to the rows of the tokens ``kept`` (K,).

    Tables of scores, a few values a token, stay: what says which row to read would take as much room.
    """
    size = vocabulary_size(model)
    # By itself, not by its size: a small vocabulary may have as many tokens as an encoder has positions.
    words = model.encoder.get_input_embeddings() if hasattr(model, "encoder") else None
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if not isinstance(child, nn.Embedding) or child.embedding_dim < NARROW:
                continue
            if child is words or (words is None and child.num_embeddings == size):
                setattr(parent, name, PrunedEmbedding(child, torch.from_numpy(kept)))
