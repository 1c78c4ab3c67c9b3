"""Raw labels become label names: as they stand, or ratings cut into ranges."""

import re
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import GraftError
from pipeline.settings.data import Labelling
from pipeline.text.cleaning import normalise

# A column of whole numbers with a gap in it is read, or was written, as floats.
WHOLE = re.compile(r"(-?\d+)\.0+")

# A whole number beyond every float is no rating, and pandas would not refuse it but fail.
LARGEST = int(sys.float_info.max)


def assign_labels(ids: Sequence[str], raw: Sequence[Any], labelling: Labelling) -> tuple[np.ndarray, np.ndarray]:
    """Return label names and reasons of refusal, each "" where the other is given.

    Reasons are ``label_missing``, ``label_not_a_number`` (with cuts) and ``label_unknown`` (not in labels).
    """
    if labelling.cuts is not None and labelling.labels is not None:
        return _cut(ids, raw, labelling.cuts, labelling.labels)
    return _take(ids, raw, labelling.labels)


def _cut(ids: Sequence[str], raw: Sequence[Any], cuts: list[float], labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """A range takes its upper bound in: a rating equal to cuts[0] gets labels[0]."""
    bounded = [None if isinstance(value, int) and abs(value) > LARGEST else value for value in raw]
    ratings = pd.to_numeric(pd.Series(bounded, dtype=object), errors="coerce").to_numpy(dtype=float)
    missing = np.array([_is_missing(value) for value in raw], dtype=bool)
    usable = np.isfinite(ratings)
    if not usable.any() and not missing.all():
        first = int(np.flatnonzero(~missing)[0])
        raise GraftError(
            f"data.cuts is set, but label {str(raw[first])[:50]!r} of {ids[first]} is no number, and no other is; "
            "remove data.cuts, or set data.label to the column of ratings"
        )
    ranges = np.digitize(np.where(usable, ratings, 0.0), cuts, right=True)
    names = np.where(usable, np.array(labels, dtype=object)[ranges], "")
    return names, np.where(usable, "", np.where(missing, "label_missing", "label_not_a_number"))


def _take(ids: Sequence[str], raw: Sequence[Any], labels: list[str] | None) -> tuple[np.ndarray, np.ndarray]:
    names = np.array([_name(value) for value in raw], dtype=object)
    reasons = np.where(names == "", "label_missing", "")
    if labels is not None:
        unknown = ~np.isin(names, np.array(labels, dtype=object)) & (names != "")
        if len(names) and (unknown | (names == "")).all():
            first = int(np.flatnonzero(unknown)[0]) if unknown.any() else 0
            raise GraftError(
                f"data.labels allows {', '.join(labels)}, but no row has one of them; "
                f"{ids[first]} has {names[first][:50]!r}"
            )
        reasons = np.where(unknown, "label_unknown", reasons)
    return np.where(reasons == "", names, ""), reasons


def _name(value: object) -> str:
    if _is_missing(value):
        return ""
    name = normalise(str(value))
    whole = WHOLE.fullmatch(name)
    return whole[1] if whole else name


def _is_missing(value: object) -> bool:
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def order_labels(present: set[str], labelling: Labelling) -> list[str]:
    """Return the labels in the order of params.yaml, else as numbers if all are, else by name."""
    if labelling.labels is not None:
        return [label for label in labelling.labels if label in present]
    if all(re.fullmatch(r"-?\d+", label) for label in present):
        # Not int, which refuses a label of thousands of digits.
        return sorted(present, key=lambda label: (Decimal(label), label))
    return sorted(present)
