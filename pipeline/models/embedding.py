"""The embedding layer that the students share."""

import torch
from torch import nn


class WordDropoutEmbedding(nn.Embedding):
    """Token embeddings; in training whole tokens are zeroed at random.

    Word dropout after Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic Methods for
    Text Classification", section 3.
    """

    def __init__(self, vocab_size: int, width: int, pad_token_id: int | None, word_dropout: float) -> None:
        super().__init__(vocab_size, width, padding_idx=pad_token_id)
        self.word_dropout = word_dropout

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Embed (B, T) to (B, T, D)."""
        states = super().forward(input_ids)
        if self.training and self.word_dropout > 0:
            kept = torch.rand(input_ids.shape, device=input_ids.device) >= self.word_dropout
            states = states * kept.unsqueeze(-1)
        return states
