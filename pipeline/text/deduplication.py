"""Copies and near-copies: one is kept, and none lies on both sides of a split."""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

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


def find_leaks(keys: Sequence[str], splits: Sequence[str]) -> np.ndarray:
    """Mark rows whose loose key also occurs in a split that outranks theirs (test, validation, train)."""
    rank = pd.Series(splits, dtype=object).map(RANK)
    highest = rank.groupby(pd.Series(keys, dtype=object), sort=False).transform("max")
    leaks: np.ndarray = (rank < highest).to_numpy(dtype=bool)
    return leaks


def find_copies(texts: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Return per row ``conflicting_labels`` (one text, two labels), ``duplicate`` (seen before) or ""."""
    frame = pd.DataFrame({"text": texts, "label": labels}, dtype=object)
    conflicting = frame.groupby("text", sort=False)["label"].transform("nunique").to_numpy() > 1
    repeated = frame["text"].duplicated().to_numpy()
    return np.where(conflicting, "conflicting_labels", np.where(repeated, "duplicate", ""))


def merge_groups(groups: Sequence[str], keys: Sequence[str]) -> np.ndarray:
    """Join groups that share a loose key; a joined group is named by the least of its keys.

    Names depend on the texts alone, so a table in another order is split alike.
    """
    if not len(keys):
        return np.array([], dtype=object)
    group_codes, group_names = pd.factorize(np.asarray(groups, dtype=object))
    key_codes, key_names = pd.factorize(np.asarray(keys, dtype=object), sort=True)
    nodes = len(group_names) + len(key_names)
    edges = coo_array(
        (np.ones(len(group_codes), dtype=np.int8), (group_codes, len(group_names) + key_codes)), shape=(nodes, nodes)
    )
    _, components = connected_components(edges, directed=False)
    component = components[group_codes]
    # Keys are coded in sorted order: the least code is the least key.
    least = pd.Series(key_codes).groupby(component).transform("min").to_numpy()
    names: np.ndarray = np.asarray(key_names, dtype=object)[least]
    return names
