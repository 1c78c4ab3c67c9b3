"""``bilstm``: a bidirectional LSTM over token embeddings, pooled by maximum and by attention.

Conneau et al. 2017, "Supervised Learning of Universal Sentence Representations from Natural
Language Inference Data" (BiLSTM-max), with a self-attentive pool beside the maximum.
"""

import torch
from huggingface_hub.dataclasses import strict
from torch import nn

from pipeline.models.embedding import WordDropoutEmbedding
from pipeline.models.outputs import attention_pool, max_pool
from pipeline.models.student import Comparison, StudentConfig, StudentModel


@strict
class BiLSTMConfig(StudentConfig):
    """Sizes of a ``bilstm`` student; ``hidden_size`` is that of one direction."""

    model_type = "graft-bilstm"

    hidden_size: int = 128
    num_layers: int = 1


class BiLSTMForSequenceClassification(StudentModel):
    """Embeddings, LSTMs in both directions, two pools, classifier."""

    config_class = BiLSTMConfig
    looks_around = True

    @property
    def token_width(self) -> int:
        """The states of both directions."""
        return 2 * int(self.config.hidden_size)

    def __init__(self, config: BiLSTMConfig) -> None:
        super().__init__(config)
        self.embedding = WordDropoutEmbedding(
            config.vocab_size, config.embedding_size, config.pad_token_id, config.word_dropout
        )
        widths = [config.embedding_size] + [2 * config.hidden_size] * (config.num_layers - 1)
        self.forwards = nn.ModuleList(nn.LSTM(width, config.hidden_size, batch_first=True) for width in widths)
        self.backwards = nn.ModuleList(nn.LSTM(width, config.hidden_size, batch_first=True) for width in widths)
        self.attention = nn.Linear(2 * config.hidden_size, 1)
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(4 * config.hidden_size)
        self.classifier = nn.Linear(4 * config.hidden_size, config.num_labels)
        self.comparison = Comparison(4 * config.hidden_size) if config.pairs else None
        self.post_init()

    def read(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Make of (B, T) tokens, padded on the right, a vector of each text (B, D) and its tokens' states (B, T, W)."""
        states = self.dropout(self.embedding(input_ids))
        mirror = _mirror(attention_mask)
        for onward, backward in zip(self.forwards, self.backwards, strict=True):
            # Each text is turned round within its own length, so that padding comes last for both
            # directions and never touches a real token's state; packing would cost twice the time.
            turned = _take(backward(_take(states, mirror))[0], mirror)
            states = torch.cat([onward(states)[0], turned], dim=-1)
        states = self.dropout(states)
        weighted = attention_pool(states, self.attention(states).squeeze(-1), attention_mask)
        pooled = self.norm(torch.cat([max_pool(states, attention_mask), weighted], dim=1))
        return pooled, states


def _mirror(attention_mask: torch.Tensor) -> torch.Tensor:
    """Positions (B, T) that turn each text round within its length; padding stays where it is."""
    positions = torch.arange(attention_mask.shape[1], device=attention_mask.device)
    lengths = attention_mask.sum(1, keepdim=True)
    return torch.where(positions < lengths, lengths - 1 - positions, positions)


def _take(states: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    return states.gather(1, positions.unsqueeze(-1).expand(-1, -1, states.shape[-1]))


CONFIG, MODEL = BiLSTMConfig, BiLSTMForSequenceClassification
