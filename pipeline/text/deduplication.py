"""Copies and near-copies: one is kept, and none lies on both sides of a split."""

import re
import unicodedata
from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.text.hashing import first_with, number_kind, parts_of
from pipeline.text.pairs import JOINT, TextOrPair

NO_WORD = re.compile(r"[\W_]+")

# A held-out row outranks its copy in train: the measure stays as it was given.
RANK = {"train": 0, "validation": 1, "test": 2}


def loose_key(text: str) -> str:
    """Return letters, digits and their marks in one case: near-copies share it; the text itself if it has none."""
    folded = text.casefold()
    if folded.isascii():
        return NO_WORD.sub("", folded) or text
    # Marks are the vowels of many scripts; without them different words of Hindi or Thai would agree.
    kept = (letter for letter in folded if letter.isalnum() or unicodedata.category(letter)[0] == "M")
    return "".join(kept) or text


def key_of(text: TextOrPair) -> str:
    """Return the loose key of a text, or of a pair: one for both orders of its texts, for many tasks know none."""
    return loose_key(text) if isinstance(text, str) else JOINT.join(sorted(map(loose_key, text)))


def find_leaks(keys: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Mark rows whose loose key also occurs in a split that outranks theirs (test, validation, train).

    ``keys`` (N,) are hashes, ``ranks`` (N,) the ``RANK`` of each row's split, -1 where it has none.
    """
    leaks = np.zeros(len(keys), dtype=bool)
    for rows in parts_of(keys):
        _, inverse = np.unique(keys[rows], return_inverse=True)
        highest = np.full(len(rows), -1, ranks.dtype)
        np.maximum.at(highest, inverse, ranks[rows])
        leaks[rows] = (ranks[rows] >= 0) & (ranks[rows] < highest[inverse])
    return leaks


def find_copies(texts: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mark the rows of a text that has two labels, and those of a text that was seen before: both (N,) bool.

    ``texts`` (N,) are hashes, ``labels`` (N,) anything that can be compared.
    """
    first = first_with(texts)
    differing = first[labels != labels[first]]
    conflicting = np.zeros(len(texts), dtype=bool)
    conflicting[differing] = True
    return conflicting[first], first != np.arange(len(texts))


def join_equal(keys: np.ndarray) -> np.ndarray:
    """Number the groups of rows that share a loose key by their first rows: (N,) hashes → (N,) integers."""
    first = first_with(keys)
    groups: np.ndarray = (np.cumsum(first == np.arange(len(keys)), dtype=first.dtype) - 1)[first]
    return groups


def merge_groups(groups: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Join groups that share a loose key and number what comes of it: hashes (N,) and (N,) → (N,) integers."""
    if not len(keys):
        return np.zeros(0, np.int32)
    group_codes, key_codes = join_equal(groups), join_equal(keys)
    nodes = int(group_codes.max()) + 1
    edges = coo_array(
        (np.ones(len(keys), dtype=np.int8), (group_codes, nodes + key_codes)),
        shape=(nodes + int(key_codes.max()) + 1,) * 2,
    )
    _, components = connected_components(edges, directed=False)
    return components[group_codes].astype(number_kind(len(keys)))


def first_letters(key: str) -> int:
    """Return a number that is in the order of the keys, if not always another for another key."""
    return int.from_bytes(key.encode()[:8].ljust(8, b"\0"), "big")


def least_keys(groups: np.ndarray, keys: np.ndarray, letters: np.ndarray, key_at: Callable[[int], str]) -> np.ndarray:
    """Return the hash of the least of the loose keys of each group, which names it: (groups,) uint64.

    Names depend on the texts alone, so a table in another order is split alike. ``keys`` (N,) are hashes, ``letters``
    (N,) what ``first_letters`` returned, and ``key_at`` returns the key of a row, where these do not decide.
    """
    least = np.full(int(groups.max(initial=-1)) + 1, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(least, groups, letters)
    rows = np.flatnonzero(letters == least[groups])
    names = np.zeros(len(least), np.uint64)
    names[groups[rows[::-1]]] = keys[rows[::-1]]
    undecided = np.zeros(len(least), dtype=bool)
    undecided[groups[rows[keys[rows] != names[groups[rows]]]]] = True
    found: dict[int, str] = {}
    for row in rows[undecided[groups[rows]]].tolist():
        group, key = int(groups[row]), key_at(row)
        if group not in found or key < found[group]:
            found[group], names[group] = key, keys[row]
    return names
