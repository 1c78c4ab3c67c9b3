"""Fast tokenizers: from texts to token tables."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from pipeline.artifacts import required
from pipeline.errors import GraftError
from pipeline.text.pairs import TextOrPair, each_side, sides_of
from pipeline.text.placeholder import MASK
from pipeline.tokens.pairs import second_begins
from pipeline.tokens.table import TokenTable

# Texts tokenized at once: while they are, each of their tokens costs a hundred bytes or so.
CHUNK = 2048


class _Chunk(NamedTuple):
    """Tokens of some texts, one after another, with as many ``lengths`` as texts."""

    input_ids: np.ndarray
    lengths: np.ndarray
    spans: np.ndarray | None
    cut: int
    second: np.ndarray | None = None


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load the fast tokenizer in ``folder``; raise GraftError if there is none or it cannot pad.

    Beside a ``tokenizer.json`` that may be a BERT's ``vocab.txt``, a BPE's ``vocab.json`` and ``merges.txt`` or, where
    sentencepiece is installed, its model. One without a padding token pads with the token that ends a text: padding is
    masked, so it may be any token, and the model's folder keeps which.
    """
    _check_sentencepiece(required(folder))
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        reason = " ".join(str(error).split())[:300]
        raise GraftError(f"{folder} holds no tokenizer that transformers reads: {reason}") from None
    if not tokenizer.is_fast:
        raise GraftError(f"{folder} holds no fast tokenizer; convert it: save it with a tokenizer.json")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
        if tokenizer.pad_token is None:
            raise GraftError(
                f"the tokenizer in {folder} has no pad, eos or unk token, so batches cannot be padded; name one as "
                "pad_token in its tokenizer_config.json"
            )
    return tokenizer


def check_knows_words(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Raise GraftError if ``tokenizer``, which came from ``folder``, knows no token but special ones.

    transformers makes such a one, and says nothing, where the files that the tokenizer's scheme reads are missing.
    """
    if len(tokenizer) <= len(tokenizer.added_tokens_decoder):
        raise GraftError(
            f"{folder} holds a tokenizer that knows no token but its special ones; add its tokenizer.json, or the "
            f"vocabulary that a {type(tokenizer).__name__} reads"
        )


def _check_sentencepiece(folder: Path) -> None:
    models = sorted(file.name for file in folder.glob("*.model"))
    if models and not (folder / "tokenizer.json").exists() and find_spec("sentencepiece") is None:
        raise GraftError(
            f"{folder} holds its tokenizer as the sentencepiece model {models[0]} alone; add the tokenizer.json that "
            "AutoTokenizer.from_pretrained and save_pretrained write where sentencepiece is installed, or install it "
            "here with `pip install sentencepiece`"
        )


def encode(
    tokenizer: PreTrainedTokenizerFast,
    ids: Sequence[str],
    texts: Sequence[TextOrPair],
    max_length: int,
    labels: np.ndarray | None = None,
    spans: bool = False,
) -> tuple[TokenTable, int]:
    """Tokenize ``texts`` with special tokens; return the table and how many texts were cut to ``max_length``.

    A text that leaves no token gets the unknown token (or padding, where there is none), since a model
    must read something; so does each text of a pair. Of a pair the longer text is cut first. ``spans`` asks for the
    table's ``spans`` too.
    """
    backend = tokenizer.backend_tokenizer
    backend.no_padding()
    # A tokenizer that knows no limit of its own says so with a number that is too large for the backend.
    backend.enable_truncation(min(max_length, sys.maxsize), direction=tokenizer.truncation_side)
    backend.encode_special_tokens = tokenizer.split_special_tokens
    chunks = [_encode_chunk(tokenizer, texts[start : start + CHUNK], spans) for start in range(0, len(texts), CHUNK)]
    # The backend keeps its state, and save_pretrained would write it.
    backend.no_truncation()
    lengths = np.concatenate([np.zeros(1, np.int64), *(chunk.lengths for chunk in chunks)])
    table = TokenTable(
        ids=pa.array(ids, pa.large_string()),
        input_ids=np.concatenate([np.empty(0, np.int32), *(chunk.input_ids for chunk in chunks)]),
        offsets=np.cumsum(lengths),
        labels=labels,
        spans=np.concatenate([np.empty((0, 2), np.int32), *(chunk.spans for chunk in chunks)]) if spans else None,
        second=np.concatenate([chunk.second for chunk in chunks]) if chunks and chunks[0].second is not None else None,
    )
    return table, sum(chunk.cut for chunk in chunks)


def _encode_chunk(tokenizer: PreTrainedTokenizerFast, texts: Sequence[TextOrPair], spans: bool) -> _Chunk:
    backend = tokenizer.backend_tokenizer
    hidden = tokenizer.mask_token or tokenizer.unk_token or ""
    written = [each_side(lambda side: side.replace(MASK, hidden), text) for text in texts]
    encodings = backend.encode_batch(written) if spans else backend.encode_batch_fast(written)
    lengths = np.fromiter(map(len, encodings), np.int64, len(encodings))
    total = int(lengths.sum())
    chunk = _Chunk(
        input_ids=np.fromiter(chain.from_iterable(each.ids for each in encodings), np.int32, total),
        lengths=lengths,
        spans=None,
        cut=sum(bool(each.overflowing) for each in encodings),
        second=None if isinstance(texts[0], str) else second_begins(encodings),
    )
    if spans:
        chunk = chunk._replace(spans=_spans(encodings, chunk, texts, written, len(hidden)))
    missing = lengths == 0 if chunk.second is None else chunk.second == 0
    return _fill(chunk, tokenizer, missing) if missing.any() else chunk


def _fill(chunk: _Chunk, tokenizer: PreTrainedTokenizerFast, missing: np.ndarray) -> _Chunk:
    """Give every text, or first text of a pair, that left no token one: (N,) bool says which these are."""
    filler = tokenizer.pad_token_id if tokenizer.unk_token_id is None else tokenizer.unk_token_id
    at = (np.cumsum(chunk.lengths) - chunk.lengths)[missing]
    return chunk._replace(
        input_ids=np.insert(chunk.input_ids, at, filler),
        lengths=chunk.lengths + missing,
        spans=None if chunk.spans is None else np.insert(chunk.spans, at, 0, axis=0),
        second=None if chunk.second is None else chunk.second + missing.astype(np.int32),
    )


def _spans(
    encodings: Sequence[Any],
    chunk: _Chunk,
    pairs: Sequence[TextOrPair],
    written: Sequence[TextOrPair],
    hidden_width: int,
) -> np.ndarray:
    """Spans (tokens, 2) int32 in characters of the texts, whose placeholders were read as ``hidden_width`` each.

    Characters of a pair's second text are counted on from those of its first.
    """
    lengths, texts = chunk.lengths, ["".join(sides_of(each)) for each in pairs]
    flat = chain.from_iterable(chain.from_iterable(each.offsets for each in encodings))
    read = np.fromiter(flat, np.int32, 2 * int(lengths.sum())).reshape(-1, 2)
    if chunk.second is not None:
        places = np.arange(len(read)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        first = np.fromiter((len(each[0]) for each in written), np.int32, len(written))
        read += np.where(places >= np.repeat(chunk.second, lengths), np.repeat(first, lengths), 0)[:, None]
    spans = np.zeros_like(read)
    full = read[:, 0] < read[:, 1]
    begins, ends = read[full].T
    joined = "".join(texts)
    if MASK in joined and hidden_width != 1:
        characters = np.frombuffer(joined.encode("utf-32-le"), "<u4")
        widths = np.where(characters == ord(MASK), hidden_width, 1)
        # Of every character that was read, the number of the one it stands for.
        source = np.repeat(np.arange(len(widths)), widths)
        first = np.cumsum([0, *map(len, texts)])[:-1]
        first_read = np.concatenate([[0], np.cumsum(widths)])[first]
        first, first_read = (np.repeat(each, lengths)[full] for each in (first, first_read))
        begins, ends = source[begins + first_read] - first, source[ends - 1 + first_read] + 1 - first
    spans[full, 0], spans[full, 1] = begins, ends
    return spans
