"""``textcnn``: convolutions of several widths over token embeddings, maximum over time.

Kim 2014, "Convolutional Neural Networks for Sentence Classification", whose windows see a few tokens. Before them
stand ``blocks`` of dilated convolutions with a residual connection, each of which sees twice as far as the one before
(Strubell et al. 2017, "Fast and Accurate Entity Recognition with Iterated Dilated Convolutions", section 4), in the
pre-activation order of He et al. 2016, "Identity Mappings in Deep Residual Networks".
"""

import torch
from huggingface_hub.dataclasses import strict
from torch import nn

from pipeline.models.embedding import WordDropoutEmbedding
from pipeline.models.outputs import max_pool
from pipeline.models.student import Comparison, StudentConfig, StudentModel


@strict
class TextCNNConfig(StudentConfig):
    """Sizes of a ``textcnn`` student: ``blocks`` before ``filters`` of each of the ``widths`` (in tokens)."""

    model_type = "graft-textcnn"

    filters: int = 128
    widths: list[int] | None = None
    blocks: int = 0

    def __post_init__(self, **kwargs: object) -> None:
        self.widths = [1, 2, 3, 4, 5] if self.widths is None else self.widths
        super().__post_init__(**kwargs)

    def validate_widths(self) -> None:
        """Refuse an empty list and widths below 1."""
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths is {self.widths}: must list at least one width of 1 or more")

    def validate_blocks(self) -> None:
        """Refuse a number of blocks below 0, and one whose last would look past the longest text of any teacher."""
        if not 0 <= self.blocks <= 12:
            raise ValueError(f"blocks is {self.blocks}: must be 0 to 12")


class DilatedBlock(nn.Module):
    """``states`` plus a convolution of width 3 over them, every ``dilation``-th token read."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.convolution = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Map ``states`` (B, T, D) under ``mask`` (B, T, 1), whose padding is zero before and after."""
        read = self.convolution((self.norm(states) * mask).transpose(1, 2)).transpose(1, 2)
        added: torch.Tensor = self.dropout(nn.functional.gelu(read)) * mask
        return states + added


class TextCNNForSequenceClassification(StudentModel):
    """Embeddings, residual blocks, convolutions, maximum over time, classifier."""

    config_class = TextCNNConfig
    looks_around = True

    @property
    def token_width(self) -> int:
        """The windows of every width."""
        return int(self.config.filters) * len(self.config.widths)

    def __init__(self, config: TextCNNConfig) -> None:
        super().__init__(config)
        self.embedding = WordDropoutEmbedding(
            config.vocab_size, config.embedding_size, config.pad_token_id, config.word_dropout
        )
        self.blocks = nn.ModuleList(
            DilatedBlock(config.embedding_size, 2**at, config.dropout) for at in range(config.blocks)
        )
        widths = config.widths or []
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.embedding_size, config.filters, width, padding=width - 1) for width in widths
        )
        self.norm = nn.LayerNorm(config.filters * len(widths))
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.filters * len(widths), config.num_labels)
        self.comparison = Comparison(config.filters * len(widths)) if config.pairs else None
        self.post_init()

    def read(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Make of (B, T) tokens, padded on the right, a vector of each text (B, D) and its tokens' states (B, T, W)."""
        mask = attention_mask.unsqueeze(-1)
        states = self.dropout(self.embedding(input_ids)) * mask  # (B, T, D)
        for block in self.blocks:
            states = block(states, mask)
        features = []
        for convolution, width in zip(self.convolutions, self.config.widths, strict=True):
            # Zero padding of width - 1 on both sides; the window that starts at each token is read.
            features.append(convolution(states.transpose(1, 2)).transpose(1, 2)[:, width - 1 :])
        windows = torch.cat(features, dim=-1)  # (B, T, F)
        pooled = self.norm(torch.relu(max_pool(windows, attention_mask)))
        return pooled, windows


CONFIG, MODEL = TextCNNConfig, TextCNNForSequenceClassification
