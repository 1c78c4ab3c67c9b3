"""Pairs of texts as one sequence of tokens: what stands between the two, and where the second begins."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import processors
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError

# Between two texts, where a tokenizer trained here has no token for it.
SEPARATOR = "[SEP]"


def separate_pairs(tokenizer: PreTrainedTokenizerFast, is_own: bool) -> None:
    """Have ``tokenizer`` put a special token between the texts of a pair, if it does not yet; single texts stay.

    Around the texts of a pair stands what stands around a single text. Without anything to take, one that is trained
    here (``is_own``) gets a token more. Raises GraftError for another.
    """
    backend = tokenizer.backend_tokenizer
    encoding = backend.encode("a", "a")
    second = second_begins([encoding])[0]
    if any(encoding.special_tokens_mask[1:second]):
        return
    single = backend.encode("a")
    own = [at for at, special in enumerate(single.special_tokens_mask) if not special] or [len(single.ids)]
    before, after = single.tokens[: own[0]], single.tokens[own[-1] + 1 :]
    if not after and not before:
        if is_own and tokenizer.sep_token is None:
            tokenizer.add_special_tokens({"sep_token": SEPARATOR})
        found = tokenizer.sep_token or tokenizer.eos_token or tokenizer.cls_token
        if found is None:
            raise GraftError(
                f"{tokenizer.name_or_path} has no sep, eos or cls token to put between the texts of a pair; name one "
                "as sep_token in its tokenizer_config.json"
            )
        between = [str(found)]
    else:
        between = after or before
    pair = [*before, "$A", *between, *(f"{token}:1" for token in ("$B", *after))]
    special = [(token, tokenizer.convert_tokens_to_ids(token)) for token in dict.fromkeys([*before, *between, *after])]
    template = processors.TemplateProcessing(
        single=" ".join([*before, "$A", *after]), pair=" ".join(pair), special_tokens=special
    )
    old = backend.post_processor
    # A byte-level one only mends where tokens lie in the text; any other would add its own tokens once more.
    keeps = isinstance(old, processors.ByteLevel)
    backend.post_processor = processors.Sequence([old, template]) if keeps else template


def second_begins(encodings: Sequence[Any]) -> np.ndarray:
    """Where the second text of each encoded pair begins, (N,) int32; a closing token stands for one without tokens.

    0 where nothing stands before it: a pair whose first text left no token.
    """
    places = (
        next((at for at, side in enumerate(each.sequence_ids) if side == 1), max(len(each.ids) - 1, 0))
        for each in encodings
    )
    return np.fromiter(places, np.int32, len(encodings))
