from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text import hashing
from pipeline.text.deduplication import (
    RANK,
    find_copies,
    find_leaks,
    first_letters,
    join_equal,
    least_keys,
    loose_key,
    merge_groups,
)
from pipeline.text.hashing import first_with, hash_texts


def test_loose_key() -> None:
    assert loose_key("It's GREAT!!") == loose_key("its great") == "itsgreat"
    assert loose_key("Straße") == loose_key("STRASSE")
    assert loose_key(":)") == ":)"
    assert loose_key(":)") != loose_key(":(")
    assert loose_key("की") != loose_key("का")
    assert loose_key("好，评") == "好评"
    assert loose_key("😀") == "😀"


def test_copies() -> None:
    texts, labels = hash_texts(["a", "b", "a", "c", "c", "c", "d"]), np.array([0, 0, 0, 0, 1, 0, 1])
    conflicting, repeated = find_copies(texts, labels)
    assert np.flatnonzero(conflicting).tolist() == [3, 4, 5]
    assert np.flatnonzero(repeated).tolist() == [2, 4, 5]
    assert [found.tolist() for found in find_copies(texts[:0], labels[:0])] == [[], []]


def test_a_held_out_text_outranks_its_copies() -> None:
    keys = hash_texts(["a", "a", "a", "b", "b", "c", "c"])
    splits = ["train", "validation", "test", "train", "validation", "train", "train"]
    ranks = np.array([RANK[split] for split in splits], np.int8)
    assert find_leaks(keys, ranks).tolist() == [True, True, False, True, False, False, False]


def named(groups: list[str], keys: list[str]) -> list[str]:
    """Join groups and return the key that names that of each row."""
    hashes = hash_texts(keys)
    merged = merge_groups(hash_texts(groups), hashes)
    letters = np.array(list(map(first_letters, keys)), np.uint64)
    names = least_keys(merged, hashes, letters, keys.__getitem__)
    texts = dict(zip(hashes.tolist(), keys, strict=True))
    return [texts[name] for name in names[merged].tolist()]


def test_groups_that_share_a_key_are_joined_through_chains() -> None:
    groups = ["d1", "d1", "d2", "d2", "d3", "d4"]
    keys = ["p", "q", "q", "r", "r", "s"]
    assert named(groups, keys) == ["p", "p", "p", "p", "p", "s"]
    assert merge_groups(hash_texts([]), hash_texts([])).tolist() == []


def test_the_least_key_names_a_group_where_the_first_letters_are_the_same() -> None:
    keys = ["the film was long", "the film was bad", "the film", "the film was", "ähnlich", "zebra"]
    assert named(["d"] * 2 + ["e"] * 2 + ["f"] * 2, keys) == [keys[1]] * 2 + [keys[2]] * 2 + ["zebra"] * 2


def test_names_of_groups_do_not_depend_on_the_order_of_rows() -> None:
    source = np.random.default_rng(0)
    groups = [f"g{number}" for number in source.integers(0, 60, 200)]
    keys = [f"a common beginning {number}" for number in source.integers(0, 150, 200)]
    order = source.permutation(200)
    merged = named(groups, keys)
    again = named([groups[row] for row in order], [keys[row] for row in order])
    assert [merged[row] for row in order] == again


@given(st.lists(st.integers(0, 30)), st.integers(1, 5))
def test_the_first_of_equal_rows_is_found_in_whatever_parts_they_are_looked_at(rows: list[int], part: int) -> None:
    keys = hash_texts(map(str, rows))
    with mock.patch.object(hashing, "PART", part):
        assert first_with(keys).tolist() == [rows.index(row) for row in rows]
        assert join_equal(keys).tolist() == [sorted(set(rows), key=rows.index).index(row) for row in rows]
