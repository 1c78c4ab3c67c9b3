import time
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text import decontamination
from pipeline.text.decontamination import DENSE_RUN, RUN, HeldOut
from pipeline.text.deduplication import loose_key

REVIEW = "It's a gorgeous, witty film, and you don't want it to end."
PROVERB = "这部电影拍得非常漂亮，我不希望它结束"
THAI = "ภาพยนตร์เรื่องนี้สวยงามมากและฉันไม่อยากให้มันจบลงเลย"


def found(held_out: str | list[str], *texts: str) -> list[bool]:
    index = HeldOut([held_out] if isinstance(held_out, str) else held_out)
    return index.find([loose_key(text) for text in texts]).tolist()


@pytest.mark.parametrize(
    "text",
    [
        REVIEW,
        REVIEW.upper(),
        "it 's a gorgeous , witty film , and you do n't want it to end .",
        f"I quote: «{REVIEW}» — and so say I.",
        "Its a gorgeous witty film and you dont want it to end, because then the lights come on again",
        "At last a gorgeous, witty film, and you don't want more.",
    ],
)
def test_a_near_copy_is_found(text: str) -> None:
    assert found(REVIEW, "nothing of it", text, "nor here") == [False, True, False]


@pytest.mark.parametrize(
    "text",
    ["A gorgeous, witty film.", "you don't want it", "It is gorgeous and witty; you want it never to end.", "", ":)"],
)
def test_the_same_words_are_no_copy(text: str) -> None:
    assert found(REVIEW, text) == [False]


def test_a_short_text_counts_whole_where_it_is_long_enough_to_tell() -> None:
    assert found("A stylish thriller.", "It's a stylish thriller!", "a stylish thrill") == [True, False]
    assert found("Thank you!", "thank you", "Thank you, good film") == [True, False]
    assert found(":)", ":)", ":(", "fine :)") == [True, False, False]


def test_chinese_runs_are_shorter_and_thai_ones_are_not() -> None:
    assert found(PROVERB, f"他说：{PROVERB}！", "这部电影拍得非常漂亮，我 不", "这部电影拍得非常漂亮。") == [
        True,
        True,
        False,
    ]
    assert found("我不希望它结束", "但是我不希望它结束啊", "不希望它结束") == [True, False]
    assert found(THAI, f"เขาพูดว่า {THAI}", loose_key(THAI)[:RUN], loose_key(THAI)[: RUN - 1]) == [True, True, False]


def test_the_run_is_exact() -> None:
    letters = "".join(chr(ord("a") + at * at % 26) for at in range(60))
    assert found(letters, f"0{letters[9 : 9 + RUN]}0", f"0{letters[9 : 8 + RUN]}0") == [True, False]
    assert found(letters, letters[: RUN - 1], letters[-RUN + 1 :], letters[-RUN:]) == [False, False, True]
    assert DENSE_RUN < RUN


def by_definition(held_out: list[str], key: str, run: int, short: int) -> bool:
    keys = [loose_key(text) for text in held_out]
    runs = {one[at : at + run] for one in keys for at in range(len(one) - run + 1)}
    return (
        key in keys
        or any(key[at : at + run] in runs for at in range(len(key) - run + 1))
        or any(short <= len(one) < run and one in key for one in keys)
    )


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text("ab", min_size=1, max_size=14), max_size=4),
    st.lists(st.text("ab", max_size=20), max_size=8),
    st.sampled_from([3, 16, 10_000]),
)
def test_all_that_the_definition_names_and_nothing_else(held_out: list[str], keys: list[str], block: int) -> None:
    with mock.patch.multiple(decontamination, RUN=6, SHORT=3, BLOCK=block):
        assert HeldOut(held_out).find(keys).tolist() == [by_definition(held_out, key, 6, 3) for key in keys]


def test_nothing_held_out_and_nothing_to_look_at() -> None:
    assert HeldOut([]).find(["a", "b"]).tolist() == [False, False]
    assert HeldOut([REVIEW]).find([]).tolist() == []


def test_fifty_thousand_texts_take_seconds() -> None:
    held_out = [f"the held-out text number {number} is long enough to have a run" for number in range(5000)]
    keys = [loose_key(f"{number} texts of about one hundred letters are looked at here {number} {number}" * 2)
            for number in range(50_000)]  # fmt: skip
    begun = time.process_time()
    assert not HeldOut(held_out).find(keys).any()
    assert time.process_time() - begun < 20, "some seconds; work that grows with the square would take hours"
