import numpy as np
import pyarrow as pa
import pytest
from transformers import PreTrainedTokenizerFast

from pipeline.tokens.table import TokenTable
from pipeline.tokens.training import train_tokenizer
from pipeline.transfer.warm_start import SCALE, reduce_vectors, sif_scores, token_counts, token_texts
from tests.conftest import WORDS
from tests.tokens.conftest import BUILDERS


def test_a_text_for_every_token_and_none_for_the_special(tokenizer: PreTrainedTokenizerFast) -> None:
    texts = token_texts(tokenizer)
    assert texts[:5] == [""] * 5
    assert texts[5:] == WORDS


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("wordpiece", {"film": "film", "##lm": "lm", "电": "电", "[SEP]": ""}),
        ("byte_level", {"Ġgood": "good", "ood": "ood", "å¥½": "好", "å": "", "Ġ": "", "Ģà¸": "", "<mask>": ""}),
        ("bpe", {"▁not": "not", "n't": "n't", "电影": "电影", "▁": "", "<0xE7>": "", "<0x41>": "A", "[UNK]": ""}),
        ("words", {"film": "film", "خوب": "خوب", "电": "电", "[MASK]": ""}),
        ("characters", {"a": "a", "电": "电", " ": "", "[PAD]": ""}),
    ],
)
def test_texts_whatever_marks_a_tokenizer_sets(name: str, wanted: dict[str, str]) -> None:
    tokenizer = BUILDERS[name]()
    texts = token_texts(tokenizer)
    assert len(texts) == len(tokenizer)
    assert {token: texts[tokenizer.convert_tokens_to_ids(token)] for token in wanted} == wanted


def test_a_token_that_looks_like_another_tokenizers_mark() -> None:
    tokenizer = train_tokenizer(["a ### b"] * 20, "bpe", 300, lowercase=True)
    texts = token_texts(tokenizer)
    assert texts[tokenizer.convert_tokens_to_ids("▁###")] == "###"


def test_counts() -> None:
    table = TokenTable(pa.array(["a", "b"]), np.array([3, 1, 3], np.int32), np.array([0, 2, 3]))
    assert token_counts(table, 5).tolist() == [0, 1, 0, 2, 0]


def test_principal_components_keep_the_distances_that_matter() -> None:
    source = np.random.default_rng(0)
    # Ten dimensions of which three vary: three components must keep every distance, up to one scale.
    vectors = (source.normal(size=(50, 3)) @ source.normal(size=(3, 10)) + 5).astype(np.float32)
    reduced = reduce_vectors(vectors, source.integers(0, 100, 50), 3)
    ratio = np.linalg.norm(vectors[:-1] - vectors[1:], axis=1) / np.linalg.norm(reduced[:-1] - reduced[1:], axis=1)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-3)
    assert reduced.std() == pytest.approx(SCALE, rel=1e-3)


def test_tokens_without_text_stay_zero_and_wide_students_get_zeros() -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    vectors[[0, 7]] = 0
    reduced = reduce_vectors(vectors, np.ones(20), 6)
    assert reduced.shape == (20, 6)
    assert not reduced[[0, 7]].any()
    assert not reduced[:, 4:].any()
    assert (np.abs(reduced[1:7]).sum(axis=1) > 0).all()


def test_frequent_tokens_decide_the_components() -> None:
    # Frequent tokens vary along the first axis, rare ones, twice as far, along the second.
    vectors = np.array([[1, 0], [-1, 0], [0, 2], [0, -2]], np.float32)
    first = reduce_vectors(vectors, np.array([10_000, 10_000, 0, 0]), 1)
    assert np.abs(first[:2]).min() > 10 * np.abs(first[2:]).max()


def test_sif_weighs_rare_tokens_more() -> None:
    weights = sif_scores(np.array([1000, 10, 0])).exp()
    np.testing.assert_allclose(weights, [1e-3 / (1e-3 + 1000 / 1010), 1e-3 / (1e-3 + 10 / 1010), 1.0], rtol=1e-5)
