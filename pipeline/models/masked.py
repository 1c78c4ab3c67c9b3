"""Masked language models: any transformers encoder with the head that guesses tokens, new or pretrained."""

from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import nn
from transformers import (
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoModelForMaskedLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from pipeline.artifacts import required
from pipeline.errors import GraftError
from pipeline.models.encoder import configure
from pipeline.models.masked_student import masked_student_config, register
from pipeline.models.transformer import check_loaded, usable_positions
from pipeline.weights import check_weights


def masked_config(
    settings: dict[str, Any],
    length: int,
    vocab_size: int = 30522,
    pad_token_id: int = 0,
    tokenizer: PreTrainedTokenizerFast | None = None,
) -> PreTrainedConfig:
    """The configuration of a model with random weights; ``settings`` are ``model_type`` and its own.

    With ``architecture`` in the place of ``model_type`` it is that of a student.
    Raises GraftError if a setting is unknown, the architecture has no head that guesses tokens, or too few positions.
    """
    if "architecture" in settings:
        try:
            return masked_student_config(settings, vocab_size, pad_token_id)
        except GraftError as error:
            raise GraftError(f"config: {error}") from None
    try:
        config = configure(vocab_size, pad_token_id, tokenizer, **settings).encoder_config()
    except (TypeError, ValueError, StrictDataclassError) as error:
        raise GraftError(f"config: {' '.join(str(error).split())}") from None
    if type(config) not in MODEL_FOR_MASKED_LM_MAPPING:
        raise GraftError(f"config: model_type is {config.model_type!r}, which cannot guess masked tokens; such as bert")
    _check_positions(nn.Module(), config, length, "config.max_position_embeddings")
    return config


def new_masked_model(settings: dict[str, Any], tokenizer: PreTrainedTokenizerFast, length: int) -> PreTrainedModel:
    """A model of ``masked_config`` with weights from torch's global seed."""
    config = masked_config(settings, length, len(tokenizer), tokenizer.pad_token_id, tokenizer)
    model = AutoModelForMaskedLM.from_config(config)
    _check_positions(model, config, length, "config.max_position_embeddings allows")
    return model


def load_masked_model(folder: Path, tokenizer: PreTrainedTokenizerFast, length: int) -> PreTrainedModel:
    """The pretrained model in ``folder``; where it has lost the head that guesses tokens, a new one.

    Raises GraftError if the folder holds no safetensors model that could have one, weights that are not its own, or one
    that the tokenizer or the length does not fit.
    """
    check_weights(required(folder))
    register()
    try:
        model, report = AutoModelForMaskedLM.from_pretrained(
            str(folder),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise GraftError(
            f"{folder} holds no model that can guess masked tokens: {str(error).splitlines()[0][:200]}"
        ) from None
    # The head may be missing, nothing else.
    prefix = "" if model.base_model is model else f"{model.base_model_prefix}."
    lost = {name.removeprefix(prefix) for name in report["missing_keys"] if name.startswith(prefix)}
    check_loaded(model.base_model, {"missing_keys": lost}, folder)
    _check_positions(model, model.config, length, f"the number of positions of {folder}")
    if len(tokenizer) > model.config.vocab_size:
        raise GraftError(f"the tokenizer has {len(tokenizer)} tokens, {folder} only {model.config.vocab_size}")
    return model


def _check_positions(model: nn.Module, config: PreTrainedConfig, length: int, what: str) -> None:
    positions = usable_positions(model, config)
    if positions is not None and length > positions:
        raise GraftError(f"length is {length}, more than {what}, {positions}")
