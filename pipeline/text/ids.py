"""Ids of the transfer set: each says where its text comes from.

A training text keeps its own id; ``unlabelled/<file>:<row>`` is a text of the user's without a label;
``<id>#<kind>-<n>`` is the n-th altered copy of that kind.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from pipeline.text.pairs import SECOND

ALTERED = r"#([a-z]+)-\d+$"
UNLABELLED = "unlabelled/"


def unlabelled_id(file: str, row: int) -> str:
    """Return the id of row ``row``, counted from 1, of ``file``. It ends as no id of an altered copy does."""
    return f"{UNLABELLED}{file}:{row}"


def altered_id(origin: str, kind: str, number: int) -> str:
    """Return the id of a copy of the text with the id ``origin``."""
    return f"{origin}#{kind}-{number}"


def is_altered(ids: Iterable[str]) -> np.ndarray:
    """Mark the ids of altered copies: (N,) strings → (N,) bool."""
    mask: np.ndarray = pd.Series(list(ids), dtype=object).str.contains(ALTERED.replace("(", "(?:")).to_numpy(dtype=bool)
    return mask


def unaltered_texts(frame: pd.DataFrame) -> list[str]:
    """The texts of the transfer set (columns ``id``, ``text``) that are no altered copies; of pairs each text once."""
    kept = frame[~is_altered(frame["id"])]
    texts: list[str] = kept["text"].tolist()
    if SECOND in frame:
        # The same premise stands beside several claims.
        return list(dict.fromkeys([*texts, *kept[SECOND].tolist()]))
    return texts


def count_kinds(ids: Iterable[str]) -> dict[str, int]:
    """Count ids by origin: ``text`` (of training), ``unlabelled``, and the kinds of altered copies."""
    names = pd.Series(list(ids), dtype=object)
    plain = np.where(names.str.startswith(UNLABELLED), "unlabelled", "text")
    kinds = names.str.extract(ALTERED, expand=False).fillna(pd.Series(plain, dtype=object))
    return {str(kind): int(count) for kind, count in kinds.value_counts().items()}
