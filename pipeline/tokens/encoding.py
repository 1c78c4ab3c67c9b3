"""Fast tokenizers: from texts to token tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from pipeline.artifacts import required
from pipeline.errors import GraftError
from pipeline.text.placeholder import MASK
from pipeline.tokens.table import TokenTable

CHUNK = 20_000


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load the fast tokenizer in ``folder``; raise GraftError if there is none or it cannot pad."""
    required(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise GraftError(f"{folder} holds no tokenizer that transformers reads: {str(error).splitlines()[0]}") from None
    if not tokenizer.is_fast:
        raise GraftError(f"{folder} holds no fast tokenizer; convert it: save it with a tokenizer.json")
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise GraftError(
                f"the tokenizer in {folder} has neither a pad nor an eos token, so batches cannot be padded"
            )
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def encode(
    tokenizer: PreTrainedTokenizerFast,
    ids: Sequence[str],
    texts: Sequence[str],
    max_length: int,
    labels: np.ndarray | None = None,
) -> tuple[TokenTable, int]:
    """Tokenize ``texts`` with special tokens; return the table and how many texts were cut to ``max_length``."""
    hidden = tokenizer.mask_token or tokenizer.unk_token or ""
    rows: list[list[int]] = []
    for start in range(0, len(texts), CHUNK):
        chunk = [text.replace(MASK, hidden) for text in texts[start : start + CHUNK]]
        rows.extend(_token_ids(tokenizer, chunk))
    long = [at for at, row in enumerate(rows) if len(row) > max_length]
    if long:
        cut = _token_ids(
            tokenizer, [texts[at].replace(MASK, hidden) for at in long], truncation=True, max_length=max_length
        )
        for at, row in zip(long, cut, strict=True):
            rows[at] = row
    lengths = np.fromiter((len(row) for row in rows), np.int64, len(rows))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    flat = np.fromiter((token for row in rows for token in row), np.int32, int(offsets[-1]))
    return TokenTable(pa.array(ids, pa.large_string()), flat, offsets, labels), len(long)


def _token_ids(tokenizer: PreTrainedTokenizerFast, texts: list[str], **options: Any) -> list[list[int]]:
    encoded = tokenizer(texts, return_attention_mask=False, return_token_type_ids=False, verbose=False, **options)
    return encoded["input_ids"]
