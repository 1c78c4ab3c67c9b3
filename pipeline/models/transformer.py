"""What is asked of a transformers model that is to read texts here: an encoder, enough positions, deaf to padding."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

from pipeline.errors import GraftError

# How far padding may move a text's vector, by its largest value: sums come in another order, nothing else may differ.
TOLERANCE = 1e-4
# What a model raises that is no reader of token ids under a mask, or only of texts of certain lengths.
UNABLE = (RuntimeError, TypeError, ValueError, LookupError, AttributeError, AssertionError)


def text_encoder(model: PreTrainedModel) -> PreTrainedModel:
    """What reads the text: of an encoder-decoder (T5, BART) its encoder alone, of any other model all of it."""
    encoder: PreTrainedModel = model.get_encoder() if model.config.is_encoder_decoder else model
    return encoder


def state_width(config: PreTrainedConfig) -> int:
    """Values of a last hidden state; raise ValueError if ``config`` is of no model of texts."""
    # OPT projects its states to the width of its embeddings.
    width = getattr(config, "word_embed_proj_dim", None) or getattr(config, "hidden_size", None)
    if width is None or getattr(config, "vocab_size", None) is None:
        raise ValueError(f"{config.model_type} is no architecture that reads texts; such as bert or distilbert")
    return int(width)


def usable_positions(model: nn.Module, config: PreTrainedConfig) -> int | None:
    """Tokens of the longest text that ``model`` can read; None where positions are not numbered.

    RoBERTa and its kin number positions from the padding's id on: of 514 rows they use 512.
    """
    found = [getattr(config, "max_position_embeddings", None)]
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None:
            found.append(module.num_embeddings - module.padding_idx - 1)
    # Some configurations say with a number below 1 that there is no limit.
    return min((positions for positions in found if positions is not None and positions > 0), default=None)


# Special tokens by the key of a configuration, and what stands in for one that a tokenizer does not have.
SPECIAL = {
    "bos_token_id": ("bos_token_id", "cls_token_id"),
    "eos_token_id": ("eos_token_id", "sep_token_id"),
    "cls_token_id": ("cls_token_id", "bos_token_id"),
    "sep_token_id": ("sep_token_id", "eos_token_id"),
    "mask_token_id": ("mask_token_id",),
    "unk_token_id": ("unk_token_id",),
}


def special_ids(
    default: PreTrainedConfig, tokenizer: PreTrainedTokenizerFast | None, vocab_size: int
) -> dict[str, Any]:
    """The ids of special tokens as ``tokenizer`` has them, of those that an architecture's ``default`` sets.

    None for one that the tokenizer does not have, and for any other that lies beyond the vocabulary. Padding is left
    out.
    """
    found: dict[str, int | None] = {}
    for key, value in vars(default).items():
        if not key.endswith("_token_id") or key == "pad_token_id" or not isinstance(value, int):
            continue
        if tokenizer is not None and key in SPECIAL:
            own = (getattr(tokenizer, name, None) for name in SPECIAL[key])
            found[key] = next((token for token in own if token is not None), None)
        elif value >= vocab_size:
            found[key] = None
    return found


def check_loaded(model: PreTrainedModel, report: Mapping[str, Any], folder: Path) -> None:
    """Raise GraftError if most of ``model`` is missing in ``folder`` and so would start from random weights."""
    sizes = {name: value.numel() for name, value in model.state_dict().items()}
    missing = sum(sizes.get(name, 0) for name in report["missing_keys"])
    if missing * 2 > sum(sizes.values()):
        raise GraftError(
            f"the weights in {folder} are not those of its config.json: {missing:,} of {sum(sizes.values()):,} values "
            f"are missing, such as {min(report['missing_keys'])}; correct its model_type, or the names of the weights"
        )


def check_reading(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, what: str) -> None:
    """Raise GraftError unless the encoder in ``model`` can read texts of ``tokenizer``'s length, padded or not.

    A text's answer must not hang on the texts beside it; that is tried on two texts, without a random number.
    """
    positions = usable_positions(model.encoder, model.encoder.config)
    if positions is not None and tokenizer.model_max_length > positions:
        raise GraftError(f"max_length {tokenizer.model_max_length} is more than the {positions} positions of {what}")
    training = model.training
    try:
        moved = _moved_by_padding(model.eval(), tokenizer.pad_token_id)
    except UNABLE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise GraftError(
            f"{what}: {model.encoder.config.model_type} cannot read a text under a mask: {reason}"
        ) from None
    finally:
        model.train(training)
    if not moved <= TOLERANCE:
        raise GraftError(
            f"{what}: {model.encoder.config.model_type} reads the padding beside a text, so that its answer would hang "
            "on the other texts of a batch; choose another, such as bert or modernbert"
        )


@torch.inference_mode()
def _moved_by_padding(model: PreTrainedModel, pad_token_id: int) -> float:
    """Largest change of a short text's vector when a longer one lies beside it, as a share of its largest value."""
    vocab_size = int(model.encoder.config.vocab_size)
    known = torch.tensor([token for token in range(min(vocab_size, 12)) if token != pad_token_id])
    long, short = known.repeat(2)[:11], known[:5]
    ids = torch.full((2, len(long)), pad_token_id)
    ids[0], ids[1, : len(short)] = long, short
    mask = torch.ones_like(ids)
    mask[1, len(short) :] = 0
    beside = model(input_ids=ids, attention_mask=mask)["pooled"][1]
    alone = model(input_ids=short[None], attention_mask=torch.ones(1, len(short), dtype=torch.long))["pooled"][0]
    return float((beside - alone).abs().max() / alone.abs().max().clamp(min=1e-6))
