"""``textcnn``: convolutions of several widths over token embeddings, maximum over time.

Kim 2014, "Convolutional Neural Networks for Sentence Classification".
"""

import torch
from huggingface_hub.dataclasses import strict
from torch import nn

from pipeline.models.embedding import WordDropoutEmbedding
from pipeline.models.outputs import PooledClassifierOutput, classifier_output, max_pool
from pipeline.models.student import StudentConfig, StudentModel


@strict
class TextCNNConfig(StudentConfig):
    """Sizes of a ``textcnn`` student: ``filters`` of each of the ``widths`` (in tokens)."""

    model_type = "graft-textcnn"

    filters: int = 128
    widths: list[int] | None = None

    def __post_init__(self, **kwargs: object) -> None:
        self.widths = [1, 2, 3, 4, 5] if self.widths is None else self.widths
        super().__post_init__(**kwargs)

    def validate_widths(self) -> None:
        """Refuse an empty list and widths below 1."""
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths is {self.widths}: must list at least one width of 1 or more")


class TextCNNForSequenceClassification(StudentModel):
    """Embeddings, convolutions, maximum over time, classifier."""

    config_class = TextCNNConfig

    def __init__(self, config: TextCNNConfig) -> None:
        super().__init__(config)
        self.embedding = WordDropoutEmbedding(
            config.vocab_size, config.embedding_size, config.pad_token_id, config.word_dropout
        )
        widths = config.widths or []
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.embedding_size, config.filters, width, padding=width - 1) for width in widths
        )
        self.norm = nn.LayerNorm(config.filters * len(widths))
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.filters * len(widths), config.num_labels)
        self.post_init()

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor | None = None
    ) -> PooledClassifierOutput:
        """Classify ``input_ids`` (B, T) under ``attention_mask`` (B, T)."""
        mask = attention_mask.unsqueeze(-1)
        states = self.dropout(self.embedding(input_ids)) * mask  # (B, T, D)
        features = []
        for convolution, width in zip(self.convolutions, self.config.widths, strict=True):
            # Zero padding of width - 1 on both sides; the window that starts at each token is read.
            features.append(convolution(states.transpose(1, 2)).transpose(1, 2)[:, width - 1 :])
        windows = torch.cat(features, dim=-1)  # (B, T, F)
        pooled = self.norm(torch.relu(max_pool(windows, attention_mask)))
        return classifier_output(self.classifier(self.dropout(pooled)), pooled, windows, labels)


CONFIG, MODEL = TextCNNConfig, TextCNNForSequenceClassification
