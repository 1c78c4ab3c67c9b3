"""What a teacher says is the same in shards as at once, and its token states reach a student's own tokens."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from pipeline.models.encoder import EncoderForSequenceClassification, load_pretrained_encoder
from pipeline.stages.vocabulary import _read
from pipeline.tokens.encoding import encode
from pipeline.tokens.table import TokenTable, slice_rows
from pipeline.tokens.training import train_tokenizer
from pipeline.transfer.signals import AlignedTokens
from pipeline.transfer.teaching import principal_axes, read_shard
from pipeline.transfer.warm_start import reduce_vectors, token_texts

TEXTS = ["the film was good", "a very bad plot", "so", "it is not fine but great and the story is awful", "the book"]


@pytest.fixture(scope="module")
def teacher(pretrained, tokenizer: PreTrainedTokenizerFast) -> EncoderForSequenceClassification:
    torch.manual_seed(0)
    return load_pretrained_encoder(pretrained, ["bad", "good"], tokenizer).eval()


def table(tokenizer: PreTrainedTokenizerFast) -> TokenTable:
    return encode(tokenizer, [f"r{at}" for at in range(len(TEXTS))], TEXTS, 32, spans=True)[0]


def test_shards_say_what_the_whole_says(
    teacher: EncoderForSequenceClassification, tokenizer: PreTrainedTokenizerFast
) -> None:
    whole = table(tokenizer)
    axes = principal_axes(teacher, whole, 0, width=8)
    at_once = read_shard(teacher, whole, 0, 64, "fp32", axes)
    parts = [
        read_shard(teacher, slice_rows(whole, rows), 0, 64, "fp32", axes) for rows in (np.arange(2), np.arange(2, 5))
    ]
    for name, values in vars(at_once).items():
        np.testing.assert_allclose(
            np.concatenate([getattr(part, name) for part in parts]), values, rtol=1e-2, atol=1e-2
        )
    assert at_once.tokens is not None
    assert at_once.tokens.shape == (len(whole.input_ids), 8)
    assert read_shard(teacher, whole, 0, 64, "fp32").tokens is None


def test_the_axes_keep_the_angles_between_token_states(
    teacher: EncoderForSequenceClassification, tokenizer: PreTrainedTokenizerFast
) -> None:
    whole = table(tokenizer)
    axes = principal_axes(teacher, whole, 0, width=32)
    np.testing.assert_allclose(axes.directions.T @ axes.directions, np.eye(32), atol=1e-4)
    said = read_shard(teacher, whole, 0, 64, "fp32", axes)
    with torch.no_grad():
        row = slice_rows(whole, np.array([3]))
        ids = torch.from_numpy(row.input_ids.astype(np.int64))[None]
        states = teacher(ids, torch.ones_like(ids)).tokens[0].numpy() - axes.mean
    stored = said.tokens[whole.offsets[3] : whole.offsets[4]].astype(np.float32)
    np.testing.assert_allclose(stored @ stored.T, states @ states.T, rtol=0.02, atol=0.1)


def test_token_states_cross_to_another_tokenizer(
    teacher: EncoderForSequenceClassification, tokenizer: PreTrainedTokenizerFast
) -> None:
    theirs = table(tokenizer)
    characters = train_tokenizer(TEXTS * 3, "characters", 300, lowercase=True)
    ours = table(characters)
    states = np.arange(len(theirs.input_ids), dtype=np.float16)[:, None] + 1
    signal = AlignedTokens(ours, [(theirs, states), (theirs, -states)])
    entries = signal[np.array([1, 2])]
    assert entries.shape == (2, len(TEXTS[1]), 2)
    first = theirs.offsets[1] + 1  # after [CLS]
    words = TEXTS[1].split()
    expected = [word_at + first + 1 for word_at, word in enumerate(words) for _ in word]
    known = entries[0][entries[0][:, 0] != 0]
    assert known[:, 0].tolist() == expected, "each letter gets the state of its word, spaces none"
    assert (known[:, 1] == -known[:, 0]).all()
    assert not entries[1][2:].any(), "padding gets none"


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_states_beyond_half_precision_are_no_infinities(
    pretrained: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    # As large as those of MobileBERT, whose first token's reach into the tens of millions.
    torch.manual_seed(0)
    large = load_pretrained_encoder(pretrained, ["bad", "good"], tokenizer)
    with torch.no_grad():
        large.encoder.encoder.layer[-1].output.LayerNorm.bias[3] = 2e7
    large.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    whole = table(tokenizer)
    said = read_shard(large.eval(), whole, 0, 64, "fp32", principal_axes(large, whole, 0, width=8))
    assert said.tokens is not None
    assert np.isfinite(said.pooled).all()
    assert np.isfinite(said.tokens).all()
    texts = token_texts(tokenizer)
    vectors = _read(tmp_path, texts)
    assert np.isfinite(vectors).all()
    reduced = reduce_vectors(vectors, np.ones(len(texts)), 4)
    assert np.isfinite(reduced).all()
    assert reduced.std() > 0
