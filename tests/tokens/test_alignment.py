"""Alignment against its definition: two tokens belong together if they share a character."""

from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.text.placeholder import MASK
from pipeline.tokens import alignment
from pipeline.tokens.alignment import align, align_states
from pipeline.tokens.encoding import encode
from pipeline.tokens.table import TokenTable
from tests.tokens.conftest import BUILDERS, TEXTS

Spans = list[tuple[int, int]]
# Ligatures and full-width forms grow or shrink when they are normalised, the accents are marks of their own.
PARTS = [
    "good",
    "film",
    "isn't",
    "İx",
    "ﬁne",
    "ｆｕｌｌ",
    "e\u0301",
    "ñ",
    "这部电影",
    "หนังดี",
    "می‌خواهم",
    "…",
    ":)",
    "!!",
]
PARTS += ["😀", "👩‍💻", "👍🏽", "🇫🇷", "❤️", "\u200d", " ", "  ", "\u00a8", MASK, MASK * 2, "[MASK]", "𝔘", "x"]
ALL_TEXTS = st.lists(st.lists(st.sampled_from(PARTS), max_size=8).map("".join), min_size=1, max_size=4)


def table(rows: list[Spans]) -> TokenTable:
    flat = np.array([span for row in rows for span in row], np.int32).reshape(-1, 2)
    offsets = np.cumsum([0, *map(len, rows)])
    ids = pa.array([f"r{at}" for at in range(len(rows))], pa.large_string())
    return TokenTable(ids, np.zeros(len(flat), np.int32), offsets, spans=flat)


def encoded(tokenizer: PreTrainedTokenizerFast, texts: list[str], max_length: int = 1000) -> TokenTable:
    return encode(tokenizer, [f"r{at}" for at in range(len(texts))], texts, max_length, spans=True)[0]


def partners(one: TokenTable, other: TokenTable) -> list[set[int]]:
    """By definition, with a loop over every pair of tokens: the tokens of ``other`` that share a character."""
    assert one.spans is not None
    assert other.spans is not None
    found: list[set[int]] = []
    for text in range(len(one)):
        theirs = range(other.offsets[text], other.offsets[text + 1])
        for token in range(one.offsets[text], one.offsets[text + 1]):
            mine = set(range(*one.spans[token]))
            found.append({at for at in theirs if mine & set(range(*other.spans[at]))})
    return found


def check(one: TokenTable, other: TokenTable) -> None:
    ranges = align(one, other)
    assert ranges.shape == (len(one.input_ids), 2)
    assert other.spans is not None
    for (low, high), wanted in zip(ranges.tolist(), partners(one, other), strict=True):
        if not wanted:
            assert (low, high) == (0, 0)
            continue
        assert (low, high - 1) == (min(wanted), max(wanted))
        # Between partners nothing stands but tokens that stand for no text.
        between = np.array([at for at in range(low, high) if at not in wanted], np.int64)
        assert not np.diff(other.spans[between], axis=1).any()
    full = ranges[ranges[:, 1] > 0]
    assert (np.diff(full, axis=0) >= 0).all(), "ranges never step back"


@st.composite
def in_order(draw: st.DrawFn) -> Spans:
    """Spans as tokenizers make them: in order, some of them shared by several tokens, some empty."""
    spans: Spans = []
    for gap, length, times, empty in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.integers(1, 3), st.booleans()), max_size=8)
    ):
        begin = (spans[-1][1] if spans and spans[-1][1] else max((end for _, end in spans), default=0)) + gap
        spans += [(begin, begin + length)] * times
        if empty:
            spans.append((0, 0))
    return draw(st.lists(st.just((0, 0)), max_size=1)) + spans


@given(st.lists(st.tuples(in_order(), in_order()), max_size=5))
def test_the_ranges_hold_all_that_overlaps_and_nothing_else(texts: list[tuple[Spans, Spans]]) -> None:
    one, other = table([mine for mine, _ in texts]), table([theirs for _, theirs in texts])
    check(one, other)
    check(other, one)


@pytest.mark.parametrize(("one", "other"), product(BUILDERS, BUILDERS))
def test_every_tokenizer_meets_every_other(
    tokenizers: dict[str, PreTrainedTokenizerFast], one: str, other: str
) -> None:
    texts = [*TEXTS, *PARTS, " ".join(PARTS), "".join(PARTS), f"{MASK} film {MASK}{MASK}电影{MASK}"]
    check(encoded(tokenizers[one], texts), encoded(tokenizers[other], texts))


@given(ALL_TEXTS, st.sampled_from(sorted(BUILDERS)), st.sampled_from(sorted(BUILDERS)), st.integers(4, 12))
def test_any_text_even_where_one_side_is_cut(
    tokenizers: dict[str, PreTrainedTokenizerFast], texts: list[str], one: str, other: str, max_length: int
) -> None:
    whole, cut = encoded(tokenizers[one], texts), encoded(tokenizers[other], texts, max_length)
    check(whole, cut)
    check(cut, whole)


@given(ALL_TEXTS, st.sampled_from(sorted(BUILDERS)), st.sampled_from(sorted(BUILDERS)))
def test_partnership_is_mutual(
    tokenizers: dict[str, PreTrainedTokenizerFast], texts: list[str], one: str, other: str
) -> None:
    first, second = encoded(tokenizers[one], texts), encoded(tokenizers[other], texts)
    forth, back = align(first, second), align(second, first)
    for token, (low, high) in enumerate(forth.tolist()):
        for partner in {low, high - 1} if low < high else ():
            assert back[partner, 0] <= token < back[partner, 1]


@given(ALL_TEXTS, st.sampled_from(sorted(BUILDERS)))
def test_a_tokenizer_meets_itself(tokenizers: dict[str, PreTrainedTokenizerFast], texts: list[str], name: str) -> None:
    one = encoded(tokenizers[name], texts)
    ranges = align(one, one)
    assert one.spans is not None
    full = one.spans[:, 0] < one.spans[:, 1]
    own = np.arange(len(full))
    assert ((ranges[:, 0] <= own) & (own < ranges[:, 1]))[full].all()
    assert not ranges[~full].any()


def test_plain_words_meet_one_to_one(tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    one = encoded(tokenizers["words"], ["The film, the book", "good"])
    assert align(one, one).tolist() == [[at, at + 1] for at in range(len(one.input_ids))]


def test_known_answers(tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    texts = [f"good {MASK} film", "film!"]
    words, characters = encoded(tokenizers["words"], texts), encoded(tokenizers["characters"], texts)
    # g o o d _ M _ f i l m | f i l m !
    assert align(words, characters).tolist() == [[0, 4], [5, 6], [7, 11], [11, 15], [15, 16]]
    spaces = {4, 6}
    wanted = [[0, 1]] * 4 + [[0, 0]] + [[1, 2]] + [[0, 0]] + [[2, 3]] * 4 + [[3, 4]] * 4 + [[4, 5]]
    assert align(characters, words).tolist() == wanted
    assert {at for at, (_, high) in enumerate(wanted) if not high} == spaces


def test_special_tokens_meet_none(tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    one = encoded(tokenizers["wordpiece"], ["film", "good film"])
    special = np.isin(one.input_ids, [2, 3])
    assert special.sum() == 4
    assert not align(one, encoded(tokenizers["byte_level"], ["film", "good film"]))[special].any()


def test_blocks_of_texts_change_nothing(
    tokenizers: dict[str, PreTrainedTokenizerFast], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = encoded(tokenizers["bpe"], TEXTS), encoded(tokenizers["wordpiece"], TEXTS)
    whole = align(one, other)
    monkeypatch.setattr(alignment, "BLOCK", 4)
    np.testing.assert_array_equal(align(one, other), whole)


def test_no_texts() -> None:
    assert align(table([]), table([])).shape == (0, 2)
    assert align(table([[], []]), table([[(0, 1)], []])).shape == (0, 2)


def test_tables_that_do_not_belong_together() -> None:
    one = table([[(0, 1)]])
    other = TokenTable(pa.array(["other"], pa.large_string()), one.input_ids, one.offsets, spans=one.spans)
    with pytest.raises(GraftError, match="hold other texts"):
        align(one, other)
    with pytest.raises(GraftError, match="holds no spans"):
        align(one, TokenTable(one.ids, one.input_ids, one.offsets))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), max_size=30))
def test_means_over_ranges(pairs: list[tuple[int, int]]) -> None:
    states = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float16)
    ranges = np.array([(low, low + count) for low, count in pairs], np.int64).reshape(-1, 2)
    means, covered = align_states(states, ranges)
    assert means.dtype == np.float32
    assert means.shape == (len(pairs), 3)
    assert covered.tolist() == [count > 0 for _, count in pairs]
    for (low, count), mean in zip(pairs, means, strict=True):
        wanted = states[low : low + count].astype(np.float64).mean(axis=0) if count else np.zeros(3)
        np.testing.assert_allclose(mean, wanted, atol=1e-6)
