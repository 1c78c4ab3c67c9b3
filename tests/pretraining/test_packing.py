"""Nothing of a text is lost, moved or read twice when texts are packed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.pretraining.packing import NO_WORD, hold_out, pack
from pipeline.tokens.training import train_tokenizer
from tests.conftest import WORDS, build_tokenizer

TEXTS = st.lists(st.lists(st.sampled_from([*WORDS, "Größe", "文字", "!"]), max_size=9).map(" ".join), max_size=9)
TOKENIZER = build_tokenizer()


def small_bpe() -> PreTrainedTokenizerFast:
    texts = [" ".join(WORDS)] * 3
    return train_tokenizer(texts, "bpe", 340, lowercase=True)


@settings(max_examples=80)
@given(texts=TEXTS, length=st.integers(3, 20))
def test_sequences_hold_the_texts_one_after_another(texts: list[str], length: int) -> None:
    expected: list[int] = []
    for text in texts:
        ids = TOKENIZER.backend_tokenizer.encode(text, add_special_tokens=False).ids
        expected += [3, *ids] if expected and ids else ids
    if not expected:
        with pytest.raises(GraftError, match="leave no token"):
            pack(TOKENIZER, texts, length)
        return
    packed = pack(TOKENIZER, texts, length)
    assert packed.input_ids.shape == packed.words.shape == (-(-len(expected) // (length - 2)), length)
    assert (packed.input_ids[:, 0] == 2).all()
    assert (packed.input_ids[:, -1] == 3).all()
    body = packed.input_ids[:, 1:-1].ravel()
    assert body[: len(expected)].tolist() == expected
    assert (body[len(expected) :] == 0).all()
    own = packed.words != NO_WORD
    assert (own == ~np.isin(packed.input_ids, [0, 2, 3])).all()
    assert packed.tokens == sum(token != 3 for token in expected)
    assert packed.bytes == len("".join(texts).lower().encode())


def test_the_tokens_of_a_word_share_its_number() -> None:
    tokenizer = small_bpe()
    packed = pack(tokenizer, ["good taste", "awful"], 64)
    tokens = tokenizer.convert_ids_to_tokens(packed.input_ids[0].tolist())
    words: dict[int, str] = {}
    for token, word in zip(tokens, packed.words[0].tolist(), strict=True):
        words[word] = words.get(word, "") + token.removeprefix("▁")
    words.pop(NO_WORD)
    assert [words[at] for at in sorted(words)] == ["good", "taste", "awful"]
    assert packed.input_ids.shape == (1, 64)
    assert packed.bytes_unknown == 0


def test_bytes_read_as_the_unknown_token_are_counted() -> None:
    packed = pack(TOKENIZER, ["good GRÖSSE", "film"], 8)
    assert packed.bytes_unknown == len("größse".encode()) - 1 == len("grösse".encode())
    assert packed.bytes == len("good grösse".encode()) + 4


def test_a_length_without_room_is_refused() -> None:
    with pytest.raises(GraftError, match="length is 2, and the tokenizer puts 2 tokens around every sequence"):
        pack(TOKENIZER, ["good film"], 2)


@given(rows=st.integers(2, 200), share=st.floats(0.01, 0.5), seed=st.integers(0, 9))
def test_what_is_held_out_is_not_trained_on(rows: int, share: float, seed: int) -> None:
    texts = [str(at) for at in range(rows)]
    train, held_out = hold_out(texts, share, seed)
    assert sorted(train + held_out) == sorted(texts)
    assert len(held_out) == max(1, round(rows * share))
    assert hold_out(texts, share, seed) == (train, held_out)


def test_it_is_drawn_from_everywhere() -> None:
    _, held_out = hold_out([str(at) for at in range(1000)], 0.2, 3)
    assert 400 < sum(map(int, held_out)) / len(held_out) < 600
    with pytest.raises(GraftError, match="1 texts are too few to pretrain on"):
        hold_out(["alone"], 0.1, 3)
