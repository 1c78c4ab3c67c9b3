"""``static``: a weighted mean of token embeddings and one hidden layer; order-free and very fast.

A deep averaging network (Iyyer et al. 2015, "Deep Unordered Composition Rivals Syntactic Methods
for Text Classification") whose mean is weighted by one learned score per token of the vocabulary.
"""

import torch
from huggingface_hub.dataclasses import strict
from torch import nn

from pipeline.models.embedding import WordDropoutEmbedding
from pipeline.models.outputs import attention_pool
from pipeline.models.student import Comparison, StudentConfig, StudentModel


@strict
class StaticConfig(StudentConfig):
    """Sizes of a ``static`` student."""

    model_type = "graft-static"

    hidden_size: int = 256


class StaticForSequenceClassification(StudentModel):
    """Embeddings, score-weighted mean, hidden layer, classifier."""

    config_class = StaticConfig

    def __init__(self, config: StaticConfig) -> None:
        super().__init__(config)
        self.embedding = WordDropoutEmbedding(
            config.vocab_size, config.embedding_size, config.pad_token_id, config.word_dropout
        )
        self.scores = nn.Embedding(config.vocab_size, 1)
        self.norm = nn.LayerNorm(config.embedding_size)
        self.hidden = nn.Linear(config.embedding_size, config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.comparison = Comparison(config.hidden_size) if config.pairs else None
        self.post_init()

    def warm_start(self, vectors: torch.Tensor, scores: torch.Tensor) -> None:
        """Start the embeddings from ``vectors`` (V, embedding_size) and the tokens' weights from ``scores`` (V,)."""
        super().warm_start(vectors, scores)
        with torch.no_grad():
            self.scores.weight.copy_(scores.unsqueeze(1))

    def read(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Make of (B, T) tokens, padded on the right, a vector of each text (B, D) and its tokens' states (B, T, W)."""
        scores = self.scores(input_ids).squeeze(-1)
        states = self.embedding(input_ids)
        mean = attention_pool(states, scores, attention_mask)
        pooled = nn.functional.gelu(self.hidden(self.dropout(self.norm(mean))))
        return pooled, states


CONFIG, MODEL = StaticConfig, StaticForSequenceClassification
