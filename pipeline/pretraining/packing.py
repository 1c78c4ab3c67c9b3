"""Texts packed into sequences of one length: no step of a pretraining is spent on padding.

As FULL-SENTENCES of Liu et al. 2019, "RoBERTa: A Robustly Optimized BERT Pretraining Approach", section 4.2: texts
follow one another, with a separator where the tokenizer has one, and a sequence may begin and end within a text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError

# Texts tokenized at once.
CHUNK = 4096

NO_WORD = -1


@dataclass(frozen=True)
class Packed:
    """N sequences of T tokens.

    ``input_ids`` (N, T) int32, padded at the end of the last; ``words`` (N, T) int32 numbers the words through all
    sequences, so that the tokens of one word share a number; special tokens and padding have ``NO_WORD``. ``bytes``
    is the size of the texts in UTF-8 as the tokenizer normalises them, ``bytes_unknown`` how many of those it read
    as the unknown token.
    """

    input_ids: np.ndarray
    words: np.ndarray
    pad_token_id: int
    bytes: int
    bytes_unknown: int

    def __len__(self) -> int:
        return len(self.input_ids)

    @property
    def tokens(self) -> int:
        """Tokens that stand for text."""
        return int((self.words != NO_WORD).sum())


def pack(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], length: int) -> Packed:
    """Tokenize ``texts`` whole and pack them into sequences of ``length`` tokens.

    Raises GraftError if nothing is left of the texts, or ``length`` has no room beside the special tokens.
    """
    backend = tokenizer.backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    separator = [] if tokenizer.sep_token_id is None else [tokenizer.sep_token_id]
    ids: list[int] = []
    words: list[int] = []
    number, size, unknown = 0, 0, 0
    for start in range(0, len(texts), CHUNK):
        chunk = texts[start : start + CHUNK]
        for text, encoding in zip(chunk, backend.encode_batch(chunk, add_special_tokens=False), strict=True):
            if ids and encoding.ids:
                ids += separator
                words += [NO_WORD] * len(separator)
            ids += encoding.ids
            words += [number + word for word in encoding.word_ids]
            number += max(encoding.word_ids, default=-1) + 1
            size += _bytes(tokenizer, text)
            unknown += sum(
                _bytes(tokenizer, text[begin:end])
                for token, (begin, end) in zip(encoding.ids, encoding.offsets, strict=True)
                if token == tokenizer.unk_token_id
            )
    if not ids:
        raise GraftError("the texts leave no token to pretrain on")
    before, after = _ends(tokenizer, texts)
    room = length - len(before) - len(after)
    if room < 1:
        raise GraftError(f"length is {length}, and the tokenizer puts {length - room} tokens around every sequence")
    rows = -(-len(ids) // room)
    inner = np.full((2, rows * room), NO_WORD, np.int32)
    inner[0] = tokenizer.pad_token_id
    inner[:, : len(ids)] = ids, words
    parts = [_repeat(before, rows), inner.reshape(2, rows, room), _repeat(after, rows)]
    packed = np.concatenate(parts, axis=2)
    return Packed(packed[0], packed[1], tokenizer.pad_token_id, size, unknown)


def hold_out(texts: Sequence[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """Return the texts to train on and, of all, the ``share`` that is held out, both in a random order.

    Raises GraftError if one of the two would be empty.
    """
    order = np.random.default_rng(seed).permutation(len(texts))
    first = max(1, round(len(texts) * share))
    if first >= len(texts):
        raise GraftError(f"{len(texts)} texts are too few to pretrain on and to hold some out")
    return [texts[at] for at in order[first:]], [texts[at] for at in order[:first]]


def _ends(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """The special tokens before and after the tokens of a text."""
    for text in texts:
        encoding = tokenizer.backend_tokenizer.encode(text)
        own = [at for at, special in enumerate(encoding.special_tokens_mask) if not special]
        if own:
            return encoding.ids[: own[0]], encoding.ids[own[-1] + 1 :]
    return [], []


def _repeat(ids: Sequence[int], rows: int) -> np.ndarray:
    """The special tokens ``ids`` for each of ``rows`` sequences, and that they are no words: (2, rows, tokens)."""
    once = np.array([ids, [NO_WORD] * len(ids)], np.int32)
    return np.repeat(once[:, None], rows, axis=1)


def _bytes(tokenizer: PreTrainedTokenizerFast, text: str) -> int:
    normalizer = tokenizer.backend_tokenizer.normalizer
    return len((normalizer.normalize_str(text) if normalizer else text).encode())
