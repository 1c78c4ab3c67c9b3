"""What is hidden: the share that was asked for, in the units that were asked for, and nothing that is no word."""

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.pretraining.masking import IGNORED, LONGEST, Masks, choose
from pipeline.pretraining.packing import NO_WORD
from pipeline.settings.pretraining import PretrainingConfig

KINDS = ["words", "spans", "tokens"]


def words_of(rows: int, length: int) -> np.ndarray:
    """Words of one to three tokens, numbered through, with a special token at both ends of each row."""
    random = np.random.default_rng(0)
    numbers = np.repeat(np.arange(rows * length), random.integers(1, 4, rows * length))[: rows * length]
    words = numbers.reshape(rows, length).astype(np.int32)
    words[:, [0, -1]] = NO_WORD
    return words


@pytest.mark.parametrize("masking", KINDS)
@pytest.mark.parametrize("rate", [0.15, 0.4])
def test_each_token_is_asked_for_at_the_rate(masking, rate: float) -> None:
    words = words_of(200, 128)
    chosen = choose(words, masking, rate, np.random.default_rng(1))
    assert not chosen[words == NO_WORD].any()
    assert chosen[words != NO_WORD].mean() == pytest.approx(rate, abs=0.01)


def test_whole_words_and_spans_of_them_are_hidden_whole() -> None:
    words = words_of(50, 64)
    for masking in ("words", "spans"):
        chosen = choose(words, masking, 0.2, np.random.default_rng(2))
        hidden, seen = set(words[chosen]), set(words[~chosen & (words != NO_WORD)])
        assert not hidden & seen, masking
    single = choose(words, "tokens", 0.2, np.random.default_rng(2))
    assert set(words[single]) & set(words[~single & (words != NO_WORD)])


def test_spans_are_as_long_as_in_spanbert() -> None:
    words = np.arange(400_000, dtype=np.int32).reshape(1, -1)
    chosen = choose(words, "spans", 0.02, np.random.default_rng(3))[0]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(int), [0]])))
    lengths = edges[1::2] - edges[::2]
    # Few meet at this rate: the mean of the geometric distribution, cut at ten words, is 3.8.
    assert lengths.mean() == pytest.approx(3.8, abs=0.2)
    assert np.mean(lengths == 1) == pytest.approx(0.22, abs=0.03)
    apart = np.arange(0, 4000, 2, dtype=np.int32).reshape(1, -1)
    alone = choose(apart, "spans", 0.2, np.random.default_rng(3))
    begun = choose(np.arange(2000, dtype=np.int32).reshape(1, -1), "spans", 0.2, np.random.default_rng(3))
    assert alone.sum() < begun.sum() / 2, "a span does not leap over what is missing between two words"
    assert max(lengths) <= 4 * LONGEST


@pytest.mark.parametrize("masking", KINDS)
def test_something_is_always_asked_for(masking) -> None:
    words = np.array([[NO_WORD, 7, 7, 8, NO_WORD]], np.int32)
    for seed in range(50):
        chosen = choose(words, masking, 1e-9, np.random.default_rng(seed))
        assert chosen.any()
        assert not chosen[0, [0, 4]].any()
    assert not choose(np.full((2, 3), NO_WORD, np.int32), masking, 0.5, np.random.default_rng(0)).any()


def test_most_are_hidden_some_replaced_some_kept() -> None:
    words = words_of(300, 128)
    ids = np.random.default_rng(5).integers(10, 1000, words.shape)
    masks = Masks("words", 0.3, mask_token_id=4, ordinary=np.arange(10, 1000))
    read, labels = masks.apply(ids, words, np.random.default_rng(6))
    asked = labels != IGNORED
    assert (labels[asked] == ids[asked]).all()
    assert (read[~asked] == ids[~asked]).all()
    assert (read[asked] == 4).mean() == pytest.approx(0.8, abs=0.02)
    replaced = asked & (read != 4) & (read != ids)
    assert replaced.sum() / asked.sum() == pytest.approx(0.1, abs=0.015)
    assert np.isin(read[replaced], masks.ordinary).all()
    again = masks.apply(ids, words, np.random.default_rng(6))
    assert (again[0] == read).all()
    assert (again[1] == labels).all()


def test_no_special_token_is_put_in_a_words_place(tokenizer: PreTrainedTokenizerFast) -> None:
    config = PretrainingConfig(source="models/pretrained/x", tokenizer="x", steps=1, masking="tokens", rate=0.3)
    masks = Masks.of(tokenizer, config)
    assert (masks.masking, masks.rate, masks.mask_token_id) == ("tokens", 0.3, 4)
    assert masks.ordinary.tolist() == list(range(5, len(tokenizer)))
    plain = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer, pad_token="[PAD]")
    with pytest.raises(GraftError, match="the tokenizer x has no mask token"):
        Masks.of(plain, config)
