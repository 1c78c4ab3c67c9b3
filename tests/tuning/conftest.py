"""Small models to tune."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from pipeline.models.encoder import EncoderForSequenceClassification, load_pretrained_encoder

LABELS = ["bad", "good"]
IDS = torch.tensor([[2, 5, 6, 7, 8, 3], [2, 9, 3, 0, 0, 0], [2, 10, 4, 3, 0, 0]])
MASK = (IDS != 0).long()

Teacher = Callable[..., EncoderForSequenceClassification]


@pytest.fixture
def teacher(pretrained: Path, tokenizer: PreTrainedTokenizerFast) -> Teacher:
    """A BERT of two layers, pretrained, with a new head."""

    def build(**options: object) -> EncoderForSequenceClassification:
        torch.manual_seed(0)
        return load_pretrained_encoder(pretrained, LABELS, tokenizer, **options)

    return build
