"""``encoder``: any transformers encoder by name, pooled, with a linear classifier.

Every teacher is one, its encoder loaded from a pretrained model; a student is one when its config
names a ``model_type`` (``distilbert``, ``modernbert``, …), its encoder then starts from random weights.

A decoder (GPT-2, Llama) is read likewise: texts are padded on the right and masked, so that the padding reaches none of
its states. Of these the mean is taken here too, in which every token has its say; Muennighoff 2022, "SGPT: GPT Sentence
Embeddings for Semantic Search", section 4, sets it beside the last token's state and a mean weighted by position.
"""

import copy
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
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
from pipeline.models.outputs import PooledClassifierOutput, attention_pool, classifier_output, mean_pool
from pipeline.models.transformer import check_loaded, check_reading, special_ids, state_width, text_encoder
from pipeline.weights import check_weights

POOLINGS = ("mean", "attention", "first")


class EncoderConfig(PreTrainedConfig):
    """An encoder's own configuration (``encoder``, as a dict with its ``model_type``); the head's dropout and pooling.

    ``pooling`` makes of the tokens' states their ``mean``, one weighted by learnt ``attention``, or the ``first``.
    """

    model_type = "graft-encoder"

    encoder: dict[str, Any] | None = None
    dropout: float = 0.1
    pooling: str = "mean"

    def to_diff_dict(self) -> dict[str, Any]:
        """What is written to a file; one that names no pooling pools by the mean."""
        written: dict[str, Any] = super().to_diff_dict()
        if written.get("pooling") == "mean":
            del written["pooling"]
        return written

    def encoder_config(self) -> PreTrainedConfig:
        """Build the encoder's own configuration."""
        settings = dict(self.encoder or {"model_type": "bert"})
        config = AutoConfig.for_model(settings.pop("model_type"), **settings)
        # Texts are read once and never continued.
        config.use_cache = False
        # Where a family has several models (Funnel) AutoModel goes by these names, and takes its first without any.
        config.architectures = config.architectures or []
        return config


class EncoderForSequenceClassification(PreTrainedModel):
    """A transformer encoder, one vector of its last hidden states, dropout, a linear layer.

    Attention weighs the states as in Yang et al. 2016, "Hierarchical Attention Networks for Document Classification",
    eqs. 5 to 7, with the states themselves in the place of their hidden layer; before training it is the mean.
    """

    config_class = EncoderConfig
    base_model_prefix = "encoder"
    _supports_sdpa = True

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__(config)
        self.encoder = text_encoder(AutoModel.from_config(config.encoder_config()))
        self.dropout = nn.Dropout(config.dropout)
        width = state_width(self.encoder.config)
        self.classifier = nn.Linear(width, config.num_labels)
        self.attention = nn.Linear(width, 1) if config.pooling == "attention" else None
        self.post_init()

    @property
    def knows_types(self) -> bool:
        """Whether the encoder has an embedding for tokens of a second text."""
        return (
            getattr(self.encoder.config, "type_vocab_size", 0) > 1
            and "token_type_ids" in inspect.signature(self.encoder.forward).parameters
        )

    def _init_weights(self, module: nn.Module) -> None:
        # The encoder initialises its own modules by its own scheme.
        if module is self.classifier:
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
        elif module is self.attention:
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
    ) -> PooledClassifierOutput:
        """Classify ``input_ids`` (B, T) under ``attention_mask`` (B, T).

        Of pairs ``token_type_ids`` (B, T) are 1 for the tokens of the second text; an encoder that knows no types sees
        the tokens between the two alone.
        """
        types = {} if token_type_ids is None or not self.knows_types else {"token_type_ids": token_type_ids}
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **types).last_hidden_state
        pooled = self._pool(states, attention_mask)
        return classifier_output(self.classifier(self.dropout(pooled)), pooled, states, labels)

    def _pool(self, states: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        if self.attention is not None:
            return attention_pool(states, self.attention(states).squeeze(-1), attention_mask)
        return states[:, 0] if self.config.pooling == "first" else mean_pool(states, attention_mask)


def configure(
    vocab_size: int, pad_token_id: int, tokenizer: PreTrainedTokenizerFast | None = None, **settings: Any
) -> EncoderConfig:
    """Configuration of an encoder student; ``settings`` are ``model_type`` and that architecture's own.

    The ids of special tokens are those of ``tokenizer``.
    Raises ValueError if the architecture or one of its settings is unknown to transformers, or it reads no texts.
    """
    settings = dict(settings)
    model_type = settings.pop("model_type", None)
    dropout, pooling = settings.pop("dropout", 0.1), settings.pop("pooling", "mean")
    if pooling not in POOLINGS:
        raise ValueError(f"pooling is {pooling!r}; allowed: {', '.join(POOLINGS)}")
    if model_type is None:
        raise ValueError("model_type is missing: name a transformers architecture, such as bert or distilbert")
    if model_type not in CONFIG_MAPPING:
        raise ValueError(f"model_type is {model_type!r}, which transformers does not know; such as bert or distilbert")
    default = AutoConfig.for_model(model_type)
    for key in settings:
        if key not in vars(default) and key not in type(default).attribute_map:
            raise ValueError(f"{key} is not a setting of {model_type}")
    state_width(default)
    settings = special_ids(default, tokenizer, vocab_size) | settings
    encoder = AutoConfig.for_model(model_type, vocab_size=vocab_size, pad_token_id=pad_token_id, **settings)
    return EncoderConfig(encoder={**encoder.to_diff_dict(), "model_type": model_type}, dropout=dropout, pooling=pooling)


def load_pretrained_encoder(
    folder: Path,
    names: list[str],
    tokenizer: PreTrainedTokenizerFast,
    dropout: float = 0.1,
    changes: Mapping[str, Any] | None = None,
    pooling: str = "mean",
) -> EncoderForSequenceClassification:
    """A classifier into ``names`` whose encoder is the pretrained model in ``folder``; its head is new.

    ``changes`` are settings of the model's own configuration, such as its dropouts. Raises GraftError if the folder
    holds no safetensors model, one with too few positions or embeddings, or one that reads no texts or the padding
    beside them; and for a change that it cannot take.
    """
    check_weights(required(folder))
    options = {"local_files_only": True, "trust_remote_code": False}
    try:
        if changes:
            options["config"] = _changed(AutoConfig.from_pretrained(str(folder), **options), changes)
        encoder, report = AutoModel.from_pretrained(
            str(folder), **options, use_safetensors=True, dtype=torch.float32, output_loading_info=True
        )
        state_width(encoder.config)
    except (OSError, ValueError, SafetensorError) as error:
        raise GraftError(f"{folder} holds no model that can be loaded: {str(error).splitlines()[0]}") from None
    check_loaded(encoder, report, folder)
    if len(tokenizer) > encoder.config.vocab_size:
        raise GraftError(f"the tokenizer has {len(tokenizer)} tokens, {folder} only {encoder.config.vocab_size}")
    settings = {**encoder.config.to_diff_dict(), "model_type": encoder.config.model_type}
    config = EncoderConfig(
        encoder=settings,
        dropout=dropout,
        pooling=pooling,
        id2label=dict(enumerate(names)),
        label2id={name: at for at, name in enumerate(names)},
    )
    model = EncoderForSequenceClassification(config)
    model.encoder.load_state_dict(text_encoder(encoder).state_dict())
    check_reading(model, tokenizer, str(folder))
    return model


def _changed(config: PreTrainedConfig, changes: Mapping[str, Any]) -> PreTrainedConfig:
    """``config`` with ``changes``, which must be settings of its architecture and leave every weight as it is."""
    changed = copy.deepcopy(config)
    own = vars(config).keys() - vars(PreTrainedConfig()).keys()
    for key, value in changes.items():
        if key not in own and key not in config.attribute_map:
            raise GraftError(f"config.{key} is not a setting of {config.model_type}; allowed: {', '.join(sorted(own))}")
        try:
            setattr(changed, key, value)
            now = _shapes(changed)
        except (ValueError, TypeError, KeyError, AssertionError, RuntimeError, StrictDataclassError) as error:
            reason = " ".join(str(error).split())[:200]
            raise GraftError(
                f"config.{key} is {value!r}, with which no {config.model_type} can be built: {reason}"
            ) from None
        if now != _shapes(config):
            raise GraftError(f"config.{key} is {value!r}, which changes the shape of pretrained weights; leave it out")
    return changed


def _shapes(config: PreTrainedConfig) -> dict[str, torch.Size]:
    with torch.device("meta"):
        model = AutoModel.from_config(config)
    return {name: value.shape for name, value in model.state_dict().items()}


CONFIG, MODEL = EncoderConfig, EncoderForSequenceClassification
