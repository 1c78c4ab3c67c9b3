import numpy as np

from pipeline.text.deduplication import find_copies, find_leaks, loose_key, merge_groups


def test_loose_key() -> None:
    assert loose_key("It's GREAT!!") == loose_key("its great") == "itsgreat"
    assert loose_key("Straße") == loose_key("STRASSE")
    assert loose_key(":)") == ":)"
    assert loose_key(":)") != loose_key(":(")
    assert loose_key("की") != loose_key("का")
    assert loose_key("好，评") == "好评"
    assert loose_key("😀") == "😀"


def test_copies() -> None:
    texts = ["a", "b", "a", "c", "c", "c", "d"]
    labels = ["x", "x", "x", "x", "y", "x", "y"]
    conflict = "conflicting_labels"
    assert find_copies(texts, labels).tolist() == ["", "", "duplicate", conflict, conflict, conflict, ""]
    assert find_copies([], []).tolist() == []


def test_a_held_out_text_outranks_its_copies() -> None:
    keys = ["a", "a", "a", "b", "b", "c", "c"]
    splits = ["train", "validation", "test", "train", "validation", "train", "train"]
    assert find_leaks(keys, splits).tolist() == [True, True, False, True, False, False, False]


def test_groups_that_share_a_key_are_joined_through_chains() -> None:
    groups = ["d1", "d1", "d2", "d2", "d3", "d4"]
    keys = ["p", "q", "q", "r", "r", "s"]
    assert merge_groups(groups, keys).tolist() == ["p", "p", "p", "p", "p", "s"]
    assert merge_groups([], []).tolist() == []


def test_names_of_groups_do_not_depend_on_the_order_of_rows() -> None:
    source = np.random.default_rng(0)
    groups = [f"g{number}" for number in source.integers(0, 60, 200)]
    keys = [f"k{number}" for number in source.integers(0, 150, 200)]
    order = source.permutation(200)
    merged = merge_groups(groups, keys)
    again = merge_groups([groups[row] for row in order], [keys[row] for row in order])
    assert merged[order].tolist() == again.tolist()
