"""Raw labels become what is foretold: names as they stand, ratings cut into ranges, sets of names, or numbers."""

import re
import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import GraftError
from pipeline.settings.data import Columns, DataConfig, Labelling
from pipeline.text.cleaning import normalise

# A column of whole numbers with a gap in it is read, or was written, as floats.
WHOLE = re.compile(r"(-?\d+)\.0+")

# What a column of its own may say of a label.
MARKS = {"0": 0, "0.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1}

# A whole number beyond every float is no rating, and pandas would not refuse it but fail.
LARGEST = int(sys.float_info.max)


def assign_labels(ids: Sequence[str], raw: Sequence[Any], labelling: Labelling) -> tuple[np.ndarray, np.ndarray]:
    """Return what ``read_labels`` does; raise GraftError if no row has a label and this is not what was meant."""
    usable = Usable(labelling)
    labels, reasons = read_labels(raw, labelling)
    usable.note(ids, raw, reasons)
    usable.check()
    return labels, reasons


def read_labels(raw: Sequence[Any], labelling: Labelling) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and reasons of refusal, one of which is "" in each row.

    A label is a name, a tuple of names in their order, or a number, by ``labelling.task``. Reasons are
    ``label_missing``, ``label_not_a_number`` (of ratings), ``label_unknown`` (not in labels) and ``label_not_0_or_1``
    (where each label has its column).
    """
    if labelling.task == "regression":
        numbers, reasons = _rate(raw)
        return np.where(reasons == "", numbers, np.nan), reasons
    if labelling.task == "multi_label":
        return _take_sets(raw, labelling)
    if labelling.cuts is not None and labelling.labels is not None:
        return _cut(raw, labelling.cuts, labelling.labels)
    return _take(raw, labelling.labels)


class Usable:
    """Whether any row has a label, over the rows of a table that is read in parts."""

    def __init__(self, labelling: Labelling) -> None:
        self.labelling = labelling
        self.found = False
        self.first: dict[str, tuple[str, Any]] = {}

    def note(self, ids: Sequence[str], raw: Sequence[Any], reasons: np.ndarray) -> None:
        """Look at some rows, whose labels ``read_labels`` refused for ``reasons``."""
        self.found = self.found or bool((reasons == "").any())
        if not self.found:
            for name, value, reason in zip(ids, raw, reasons, strict=True):
                self.first.setdefault(str(reason), (name, value))

    def check(self) -> None:
        """Raise GraftError if ratings were asked for and no label is a number, or a list of labels and none is in it.

        Where all are missing, what says so is how many rows were refused for it.
        """
        labelling = self.labelling
        if self.found or not self.first or labelling.task == "multi_label":
            return
        if labelling.task == "regression" or labelling.cuts is not None:
            if "label_not_a_number" in self.first:
                name, value = self.first["label_not_a_number"]
                cut = labelling.task != "regression"
                why = "data.cuts is set" if cut else "data.task is regression"
                remedy = "remove data.cuts" if cut else "set data.task to single_label"
                raise GraftError(
                    f"{why}, but label {str(value)[:50]!r} of {name} is no number, and no other is; "
                    f"{remedy}, or set data.label to the column of ratings"
                )
        elif labelling.labels is not None:
            name, value = self.first.get("label_unknown", next(iter(self.first.values())))
            raise GraftError(
                f"data.labels allows {', '.join(labelling.labels)}, but no row has one of them; "
                f"{name} has {_name(value)[:50]!r}"
            )


def _cut(raw: Sequence[Any], cuts: list[float], labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """A range takes its upper bound in: a rating equal to cuts[0] gets labels[0]."""
    ratings, reasons = _rate(raw)
    ranges = np.digitize(ratings, cuts, right=True)
    return np.where(reasons == "", np.array(labels, dtype=object)[ranges], ""), reasons


def _rate(raw: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers, 0 where there is none, and reasons."""
    bounded = [None if isinstance(value, int) and abs(value) > LARGEST else value for value in raw]
    ratings = pd.to_numeric(pd.Series(bounded, dtype=object), errors="coerce").to_numpy(dtype=float)
    missing = np.array([_is_missing(value) for value in raw], dtype=bool)
    usable = np.isfinite(ratings)
    reasons = np.where(usable, "", np.where(missing, "label_missing", "label_not_a_number"))
    return np.where(usable, ratings, 0.0), reasons


def _take_sets(raw: Sequence[Any], labelling: Labelling) -> tuple[np.ndarray, np.ndarray]:
    """Sets of names: lists, cells of text with a separator, or a mapping of names to cells of 0 and 1.

    An empty list, or an empty cell of text, is a text that no label fits; a cell that is missing is not.
    """
    found = np.empty(len(raw), dtype=object)
    reasons = np.full(len(raw), "", dtype=object)
    known = None if labelling.labels is None else set(labelling.labels)
    for row, value in enumerate(raw):
        names, reason = _set_of(value, labelling.separator)
        if not reason and known is not None and not known.issuperset(names):
            reason = "label_unknown"
        found[row], reasons[row] = () if reason else names, reason
    return found, reasons


def _set_of(value: object, separator: str) -> tuple[tuple[str, ...], str]:
    if isinstance(value, dict):
        marks = {name: MARKS.get(str(cell).strip().lower()) for name, cell in value.items()}
        if None in marks.values():
            return (), "label_not_0_or_1"
        return tuple(sorted(name for name, mark in marks.items() if mark)), ""
    if value is None or value != value:
        return (), "label_missing"
    parts = value if isinstance(value, list) else str(value).split(separator)
    return tuple(sorted({name for name in map(_name, parts) if name})), ""


def _take(raw: Sequence[Any], labels: list[str] | None) -> tuple[np.ndarray, np.ndarray]:
    names = np.array([_name(value) for value in raw], dtype=object)
    reasons = np.where(names == "", "label_missing", "")
    if labels is not None:
        unknown = ~np.isin(names, np.array(labels, dtype=object)) & (names != "")
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
    given = labelling.labels
    if given is None and isinstance(labelling, Columns) and isinstance(labelling.label, list):
        given = labelling.label
    if given is not None:
        return [label for label in given if label in present]
    if all(re.fullmatch(r"-?\d+", label) for label in present):
        # Not int, which refuses a label of thousands of digits.
        return sorted(present, key=lambda label: (Decimal(label), label))
    return sorted(present)


def name_of_number(data: DataConfig) -> str:
    """Return what the number of a regression is called: the column that it comes from."""
    return data.label if isinstance(data, Columns) and isinstance(data.label, str) else "rating"
