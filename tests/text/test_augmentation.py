import random
import time

from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.augmentation import Units, augment, cut, mask, splice
from pipeline.text.placeholder import MASK

WORDS = st.lists(st.text("abcxyz", min_size=1, max_size=6), min_size=2, max_size=30).map(" ".join)


@given(WORDS, st.integers(0, 99))
def test_a_cut_is_a_span_and_never_the_whole(text: str, seed: int) -> None:
    words, made = text.split(), cut(Units(text), random.Random(seed)).split()
    assert max(1, len(words) // 4) <= len(made) < len(words)
    assert any(words[start : start + len(made)] == made for start in range(len(words)))


@given(WORDS, st.integers(0, 99))
def test_a_mask_hides_some_words_and_keeps_the_others_in_place(text: str, seed: int) -> None:
    words, made = text.split(), mask(Units(text), random.Random(seed)).split(" ")
    assert len(made) == len(words)
    assert 0 < made.count(MASK) < len(words)
    assert all(new in (MASK, old) for old, new in zip(words, made, strict=True))


def test_three_words_in_ten_are_hidden() -> None:
    units = Units(" ".join(f"w{number}" for number in range(10_000)))
    assert 2800 < mask(units, random.Random(0)).count(MASK) < 3200


@given(WORDS, WORDS, st.integers(0, 99))
def test_a_splice_begins_like_one_and_ends_like_the_other(one: str, other: str, seed: int) -> None:
    made = splice(Units(one), Units(other), random.Random(seed)).split()
    head = one.split()
    tail = other.split()
    assert any(made == head[:cut] + tail[-rest:] for cut in range(1, len(head)) for rest in range(1, len(tail)))


def test_a_single_word_has_no_part() -> None:
    assert cut(Units("word"), random.Random(0)) == mask(Units("word"), random.Random(0)) == ""
    assert splice(Units("one"), Units("two"), random.Random(0)) == "one two"


def test_chinese_is_taken_by_characters_and_thai_marks_stay_with_their_letter() -> None:
    assert Units("很好吃").units == ["很", "好", "吃"]
    assert Units("ดีมาก ๆ").units[:2] == ["ดี", "ม"]
    assert Units("좋은 영화").units == ["좋은", "영화"]
    assert Units("the 好 film").units == ["the", "好", "film"]
    assert " " not in splice(Units("很好吃"), Units("不好看"), random.Random(0))


def test_copies_are_dealt_in_turn_named_and_different() -> None:
    texts = [" ".join(f"w{number}-{word}" for word in range(12)) for number in range(50)]
    ids = [f"t{number}" for number in range(50)]
    new_ids, new_texts = augment(texts, ids, 6, ["cut", "mask", "splice"], 7)
    assert len(set(new_texts) | set(texts)) == len(new_texts) + len(texts)
    assert len(set(new_ids)) == len(new_ids) > 280
    assert {name.split("#")[1] for name in new_ids} == {f"{k}-{n}" for k in ("cut", "mask", "splice") for n in (1, 2)}
    assert (new_ids, new_texts) == augment(texts, ids, 6, ["cut", "mask", "splice"], 7)
    assert new_texts != augment(texts, ids, 6, ["cut", "mask", "splice"], 8)[1]
    assert augment(texts, ids, 0, ["cut"], 7) == ([], [])


def test_two_hundred_thousand_copies_take_seconds() -> None:
    texts = [" ".join(f"word{number % 97}{word}" for word in range(15)) + str(number) for number in range(20_000)]
    begun = time.perf_counter()
    new_ids, _ = augment(texts, [str(number) for number in range(20_000)], 10, ["cut", "mask", "splice"], 7)
    assert len(new_ids) > 150_000
    assert time.perf_counter() - begun < 10
