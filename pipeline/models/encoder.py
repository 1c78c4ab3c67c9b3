"""``encoder``: any transformers encoder by name, mean-pooled, with a linear classifier.

Every teacher is one, its encoder loaded from a pretrained model; a student is one when its config
names a ``model_type`` (``distilbert``, ``convbert``, …), its encoder then starts from random weights.
"""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModel,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from pipeline.artifacts import required
from pipeline.errors import GraftError
from pipeline.models.outputs import PooledClassifierOutput, classifier_output, mean_pool
from pipeline.weights import check_weights


class EncoderConfig(PreTrainedConfig):
    """An encoder's own configuration (``encoder``, as a dict with its ``model_type``) and the head's dropout."""

    model_type = "graft-encoder"

    encoder: dict[str, Any] | None = None
    dropout: float = 0.1

    def encoder_config(self) -> PreTrainedConfig:
        """Build the encoder's own configuration."""
        settings = dict(self.encoder or {"model_type": "bert"})
        return AutoConfig.for_model(settings.pop("model_type"), **settings)


class EncoderForSequenceClassification(PreTrainedModel):
    """A transformer encoder, the mean of its last hidden states, dropout, a linear layer."""

    config_class = EncoderConfig
    base_model_prefix = "encoder"
    _supports_sdpa = True

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        self.encoder = AutoModel.from_config(config.encoder_config())
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(self.encoder.config.hidden_size, config.num_labels)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        # The encoder initialises its own modules by its own scheme.
        if module is self.classifier:
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor | None = None
    ) -> PooledClassifierOutput:
        """Classify ``input_ids`` (B, T) under ``attention_mask`` (B, T)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        pooled = mean_pool(states, attention_mask)
        return classifier_output(self.classifier(self.dropout(pooled)), pooled, states, labels)


def configure(vocab_size: int, pad_token_id: int, **settings: Any) -> EncoderConfig:
    """Configuration of an encoder student; ``settings`` are ``model_type`` and that architecture's own.

    Raises ValueError if the architecture or one of its settings is unknown to transformers.
    """
    settings = dict(settings)
    model_type = settings.pop("model_type", None)
    dropout = settings.pop("dropout", 0.1)
    if model_type is None:
        raise ValueError("model_type is missing: name a transformers architecture, such as distilbert or convbert")
    if model_type not in CONFIG_MAPPING:
        raise ValueError(
            f"model_type is {model_type!r}, which transformers does not know; such as distilbert or convbert"
        )
    default = AutoConfig.for_model(model_type)
    for key in settings:
        if key not in vars(default) and key not in type(default).attribute_map:
            raise ValueError(f"{key} is not a setting of {model_type}")
    encoder = AutoConfig.for_model(model_type, vocab_size=vocab_size, pad_token_id=pad_token_id, **settings)
    return EncoderConfig(encoder={**encoder.to_diff_dict(), "model_type": model_type}, dropout=dropout)


def load_pretrained_encoder(
    folder: Path, names: list[str], tokenizer: PreTrainedTokenizerFast, dropout: float = 0.1
) -> EncoderForSequenceClassification:
    """A classifier into ``names`` whose encoder is the pretrained model in ``folder``; its head is new.

    Raises GraftError if the folder holds no safetensors model, or one with too few positions or embeddings.
    """
    check_weights(required(folder))
    try:
        encoder = AutoModel.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise GraftError(f"{folder} holds no model that can be loaded: {str(error).splitlines()[0]}") from None
    positions = getattr(encoder.config, "max_position_embeddings", None)
    if positions is not None and tokenizer.model_max_length > positions:
        raise GraftError(f"max_length {tokenizer.model_max_length} is more than the {positions} positions of {folder}")
    if len(tokenizer) > encoder.config.vocab_size:
        raise GraftError(f"the tokenizer has {len(tokenizer)} tokens, {folder} only {encoder.config.vocab_size}")
    settings = {**encoder.config.to_diff_dict(), "model_type": encoder.config.model_type}
    config = EncoderConfig(
        encoder=settings,
        dropout=dropout,
        id2label=dict(enumerate(names)),
        label2id={name: at for at, name in enumerate(names)},
    )
    model = EncoderForSequenceClassification(config)
    model.encoder.load_state_dict(encoder.state_dict())
    return model


CONFIG, MODEL = EncoderConfig, EncoderForSequenceClassification
