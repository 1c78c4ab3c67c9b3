"""Tiny transformers of many architectures with random weights, and a decoder's tokenizer, which has no padding."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

from pipeline.models.transformer import special_ids
from tests.conftest import WORDS, build_tokenizer

# Rows of the embeddings: as many as an encoder's tokenizer has tokens.
ROWS = 25
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
GROUPED = SIZES | {"num_key_value_heads": 1}
LEARNED = SIZES | {"max_position_embeddings": 64}

# The settings of each as an encoder student's `config` has them.
ENCODERS: dict[str, dict[str, Any]] = {
    "bert": LEARNED,
    "roberta": LEARNED,
    "distilbert": {"dim": 32, "n_heads": 2, "n_layers": 2, "hidden_dim": 64, "max_position_embeddings": 64},
    "albert": LEARNED | {"embedding_size": 16},
    "electra": LEARNED | {"embedding_size": 16},
    "deberta-v2": LEARNED | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "modernbert": LEARNED,
    "mpnet": LEARNED,
    "xlm-roberta": LEARNED,
}
DECODERS: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64},
    "llama": GROUPED,
    "qwen2": GROUPED,
    "opt": SIZES | {"ffn_dim": 64, "word_embed_proj_dim": 16, "max_position_embeddings": 64},
    "gpt_neox": SIZES,
}
DECODERS["opt"].pop("intermediate_size")
ENCODER_DECODERS: dict[str, dict[str, Any]] = {
    "t5": {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2},
    "bart": {
        "d_model": 32,
        "encoder_layers": 2,
        "decoder_layers": 1,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        "max_position_embeddings": 64,
    },
}
FAMILIES = ENCODERS | DECODERS | ENCODER_DECODERS

# What cannot be a teacher or a student, and why.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "convbert": (LEARNED | {"embedding_size": 16, "num_attention_heads": 4}, "reads the padding beside a text"),
    "fnet": (
        {"hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64},
        "reads the padding beside a text",
    ),
    "funnel": (
        {"d_model": 32, "n_head": 2, "d_head": 16, "d_inner": 64, "block_sizes": [1, 1], "num_decoder_layers": 1},
        "reads the padding beside a text",
    ),
    "nystromformer": (LEARNED, "reads the padding beside a text"),
    "reformer": ({}, "cannot read a text under a mask"),
    "vit": ({}, "is no architecture that reads texts"),
}


def decoder_tokenizer() -> PreTrainedTokenizerFast:
    """Words, and two special tokens as GPT-2 and Llama have them: no padding, nothing at the ends but a beginning."""
    vocabulary = {word: at for at, word in enumerate(["<unk>", "<end>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="<end> $A", special_tokens=[("<end>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<end>", eos_token="<end>", model_max_length=32
    )


def write_checkpoint(family: str, folder: Path, seed: int = 0) -> None:
    """A tiny model of ``family`` with random weights and its tokenizer, as a pretrained model's folder.

    As in what is published, a decoder has more embeddings than tokens, and where the tokenizer has no padding the
    configuration names none.
    """
    tokenizer = decoder_tokenizer() if family in DECODERS else build_tokenizer()
    ids = special_ids(AutoConfig.for_model(family), tokenizer, ROWS)
    torch.manual_seed(seed)
    config = AutoConfig.for_model(
        family, **FAMILIES[family] | ids, vocab_size=ROWS, pad_token_id=tokenizer.pad_token_id
    )
    AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
