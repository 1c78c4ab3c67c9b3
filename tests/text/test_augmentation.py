import random
import time
from collections import Counter
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.settings.prepare import Kind
from pipeline.text.augmentation import KINDS, Corpus, cut, drop, mask, mix, replace, shuffle, splice
from pipeline.text.placeholder import MASK
from pipeline.text.units import Units
from tests.text.copies import augment

WORDS = st.lists(st.text("abcxyz", min_size=1, max_size=6), min_size=2, max_size=30).map(" ".join)
LONG = Units(" ".join(f"w{number}" for number in range(10_000)))
OTHERS = Corpus(["one two three", "four five"])


def is_span(part: list[str], whole: list[str]) -> bool:
    return any(whole[start : start + len(part)] == part for start in range(len(whole)))


def test_params_allow_every_kind_there_is() -> None:
    assert get_args(Kind) == tuple(KINDS)


@given(WORDS, st.integers(0, 99))
def test_a_cut_is_a_span_and_never_the_whole(text: str, seed: int) -> None:
    words, made = text.split(), cut(Units(text), OTHERS, random.Random(seed)).split()
    assert max(1, len(words) // 4) <= len(made) < len(words)
    assert is_span(made, words)


@given(WORDS, st.integers(0, 99))
def test_a_mask_hides_some_words_and_keeps_the_others_in_place(text: str, seed: int) -> None:
    words, made = text.split(), mask(Units(text), OTHERS, random.Random(seed)).split(" ")
    assert len(made) == len(words)
    assert 0 < made.count(MASK) < len(words)
    assert all(new in (MASK, old) for old, new in zip(words, made, strict=True))


@given(WORDS, st.integers(0, 99))
def test_replaced_words_come_from_the_corpus(text: str, seed: int) -> None:
    words, made = text.split(), replace(Units(text), Corpus(["1 2 3", "4"]), random.Random(seed)).split()
    assert len(made) == len(words)
    new = [word for word, old in zip(made, words, strict=True) if word != old]
    assert 0 < len(new) < len(words)
    assert set(new) <= set("1234")


@given(WORDS, st.integers(0, 99))
def test_a_drop_keeps_the_order_of_what_is_left(text: str, seed: int) -> None:
    words, made = text.split(), drop(Units(text), OTHERS, random.Random(seed)).split()
    assert 0 < len(made) < len(words)
    left = iter(words)
    assert all(word in left for word in made)


@given(st.integers(2, 40), st.integers(0, 99))
def test_shuffled_words_move_three_places_at_most(number: int, seed: int) -> None:
    words = [str(at) for at in range(number)]
    made = shuffle(Units(" ".join(words)), OTHERS, random.Random(seed)).split()
    assert sorted(made) == sorted(words)
    assert all(abs(int(word) - at) <= 3 for at, word in enumerate(made))


@given(WORDS, WORDS, st.integers(0, 99))
def test_a_splice_begins_like_one_and_ends_like_the_other(one: str, other: str, seed: int) -> None:
    made = splice(Units(one), Corpus([other]), random.Random(seed)).split()
    head, tail = one.split(), other.split()
    assert any(made == head[:cut] + tail[-rest:] for cut in range(1, len(head)) for rest in range(1, len(tail)))


@given(st.integers(2, 40), st.integers(0, 99))
def test_a_mix_joins_one_span_of_the_text_and_two_or_three_of_others(number: int, seed: int) -> None:
    words = [f"own{at}" for at in range(number)]
    made = mix(Units(" ".join(words)), Corpus([" ".join(f"other{at}" for at in range(9))]), random.Random(seed)).split()
    own = [word for word in made if word.startswith("own")]
    assert 1 <= len(own) <= number // 2
    assert is_span(own, words)
    assert is_span(own, made)
    assert 2 <= len(made) - len(own) <= 3 * 4


@pytest.mark.parametrize("kind", ["mask", "replace", "drop"])
def test_three_words_in_ten_are_altered(kind: str) -> None:
    made = KINDS[kind](LONG, OTHERS, random.Random(0)).split(" ")
    kept = sum(word.startswith("w") for word in made)
    assert 6800 < kept < 7200


def test_words_are_drawn_by_their_frequency_to_the_three_quarters() -> None:
    corpus = Corpus(["often " * 16, "rare"])
    drawn = Counter(corpus.draw_words(Units("a b"), 9000, random.Random(0)))
    assert drawn["often"] / drawn["rare"] == pytest.approx(16**0.75, rel=0.1)


def test_a_single_word_has_no_part() -> None:
    word, source = Units("word"), random.Random(0)
    assert all(KINDS[kind](word, OTHERS, source) == "" for kind in ("cut", "mask", "replace", "drop"))
    assert shuffle(word, OTHERS, source) == "word"
    assert splice(word, Corpus(["two"]), source) == "word two"
    assert sorted(mix(word, Corpus(["two"]), source).split())[-1] == "word"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["这部电影很好看，我喜欢。", "หนังเรื่องนี้ดีมาก"])
def test_scripts_without_spaces_get_none(kind: str, text: str) -> None:
    corpus = Corpus(["不好看，太长了", "an English one", "ไม่ดีเลย"])
    own = Corpus([text, text[::-1]])
    for seed in range(20):
        made = KINDS[kind](Units(text), own, random.Random(seed))
        assert made
        assert " " not in made
        assert KINDS[kind](Units(text), corpus, random.Random(seed))


def test_words_borrowed_are_written_alike() -> None:
    corpus = Corpus(["很好吃", "some English words"])
    assert set(corpus.draw_words(Units("不好看"), 50, random.Random(0))) == set("很好吃")
    assert set(corpus.draw_words(Units("not good"), 50, random.Random(0))) == {"some", "English", "words"}


def test_copies_are_dealt_in_turn_named_and_different() -> None:
    texts = [" ".join(f"w{number}-{word}" for word in range(12)) for number in range(50)]
    ids = [f"t{number}" for number in range(50)]
    kinds = list(KINDS)
    new_ids, new_texts = augment(texts, ids, 14, kinds, 7)
    assert len(set(new_texts) | set(texts)) == len(new_texts) + len(texts)
    assert len(set(new_ids)) == len(new_ids) > 650
    assert {name.split("#")[1] for name in new_ids} == {f"{kind}-{n}" for kind in kinds for n in (1, 2)}
    assert (new_ids, new_texts) == augment(texts, ids, 14, kinds, 7)
    assert new_texts != augment(texts, ids, 14, kinds, 8)[1]
    assert augment(texts, ids, 0, ["cut"], 7) == ([], [])


def test_parts_are_borrowed_from_unlabelled_texts_and_no_copy_is_one_of_them() -> None:
    made = augment(["one two"], ["t"], 60, ["splice"], 7, ["three four five", "one five"])
    assert made[1] == ["one four five"]
    assert made[0][0].startswith("t#splice-")


@given(st.lists(st.text("ab 好", max_size=8).map(str.strip).filter(bool), min_size=1, max_size=6), st.integers(0, 9))
def test_no_text_is_too_odd_to_alter(texts: list[str], seed: int) -> None:
    new_ids, new_texts = augment(texts, [str(at) for at in range(len(texts))], 14, list(KINDS), seed)
    assert len(new_ids) == len(new_texts) == len(set(new_texts))
    assert all(new_texts)


def test_two_hundred_thousand_copies_take_seconds() -> None:
    texts = [" ".join(f"word{number % 97}{word}" for word in range(15)) + str(number) for number in range(20_000)]
    begun = time.process_time()
    new_ids, _ = augment(texts, [str(number) for number in range(20_000)], 10, list(KINDS), 7)
    assert len(new_ids) > 150_000
    assert time.process_time() - begun < 20, "some seconds; work that grows with the square would take hours"
