"""What a split must hold of each kind of task: labels that are frequent enough, and alike in every split."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import GraftError
from pipeline.settings.data import DataConfig
from pipeline.settings.prepare import PrepareConfig
from pipeline.text.labelling import name_of_number, order_labels
from pipeline.text.refusals import Refusals

# Ranges of a number, each of as many rows, that every split gets its share of.
RANGES = 10


@dataclass(frozen=True)
class Labels:
    """The labels of N rows.

    ``codes`` (N,) are places in ``values``: names, or tuples of names where a text has any number of labels, in their
    order. Of a regression ``codes`` are the numbers themselves, float64, and there are no values.
    """

    codes: np.ndarray
    values: Sequence[Any]

    def __len__(self) -> int:
        return len(self.codes)

    def of(self, rows: np.ndarray) -> "Labels":
        """Return the labels of some rows, by number or by mask."""
        return Labels(self.codes[rows], self.values)

    def raw(self) -> list[Any]:
        """Return the label of each row: a name, a tuple of names, or a number."""
        return [self.values[code] for code in self.codes.tolist()] if len(self.values) else self.codes.tolist()

    def counted(self) -> dict[Any, int]:
        """Return how many rows each value has that occurs."""
        counts = np.bincount(self.codes, minlength=len(self.values)).tolist()
        return {value: count for value, count in zip(self.values, counts, strict=True) if count}


def drop_rare(labels: Labels, data: DataConfig, config: PrepareConfig, refusals: Refusals) -> tuple[Labels, np.ndarray]:
    """Return labels and which rows (N,) bool have one that is too rare; GraftError if too little is left to tell apart.

    Where a text has any number of labels it loses the rare ones and stays.
    """
    none = np.zeros(len(labels), dtype=bool)
    if data.task == "regression":
        if not len(labels) or labels.codes.min() == labels.codes.max():
            raise GraftError(f"two different numbers are needed to learn {name_of_number(data)}; {_lost(refusals)}")
        return labels, none
    counts = count_names(labels)
    kept = {name for name, count in counts.items() if count >= config.min_rows_per_label}
    rare = none
    if data.task == "single_label":
        rare = np.array([value not in kept for value in labels.values], dtype=bool)[labels.codes]
    if len(kept) < 2:
        if rare.any():
            refusals.counts["label_too_rare"] = int(rare.sum())
        found = ", ".join(f"{name} ({count})" for name, count in counts.most_common())
        raise _too_few(config, found, refusals)
    if data.task == "multi_label":
        values = [tuple(name for name in names if name in kept) for names in labels.values]
        distinct = sorted(set(values))
        places = {value: at for at, value in enumerate(distinct)}
        codes = np.array([places[value] for value in values], np.int32)[labels.codes]
        return Labels(codes, distinct), none
    return labels, rare


def count_names(labels: Labels) -> Counter[str]:
    """Return in how many rows each label stands, whether alone or with others."""
    counts: Counter[str] = Counter()
    for value, count in labels.counted().items():
        for name in (value,) if isinstance(value, str) else value:
            counts[name] += count
    return counts


def _too_few(config: PrepareConfig, found: str, refusals: Refusals) -> GraftError:
    return GraftError(
        f"two labels or more are needed with prepare.min_rows_per_label ({config.min_rows_per_label}) rows each; "
        f"usable rows by label: {found[:300] or 'none'}; {_lost(refusals)}"
    )


def _lost(refusals: Refusals) -> str:
    return f"refused: {', '.join(f'{reason} {count}' for reason, count in sorted(refusals.counts.items())) or 'none'}"


def names_of(labels: Labels, data: DataConfig) -> list[str]:
    """Return the task's labels in order; of a regression the name of the number."""
    if data.task == "regression":
        return [name_of_number(data)]
    return order_labels(set(count_names(labels)), data)


def strata(labels: Labels, groups: np.ndarray, data: DataConfig, least: int) -> tuple[np.ndarray, list[str]]:
    """Return what every split is to hold its share of: a number a row, (N,) into the names, which are in order.

    Of one label itself; of a number its range; of several labels the rarest. The two latter join the commonest where
    fewer than ``least`` of the ``groups`` (N,) of texts have them.
    """
    if data.task == "single_label":
        return labels.codes, list(labels.values)
    if data.task == "regression":
        ranks = pd.Series(labels.codes).rank(pct=True).to_numpy()
        found, names = np.minimum((ranks * RANGES).astype(np.int64), RANGES - 1), list(map(str, range(RANGES)))
    else:
        counts = count_names(labels)
        rarest = [min(value, key=lambda name: (counts[name], name), default="") for value in labels.values]
        names = sorted(set(rarest))
        found = np.array([names.index(name) for name in rarest], np.int64)[labels.codes]
    held = np.bincount(np.unique(groups * np.int64(len(names)) + found) % len(names), minlength=len(names))
    few = (held < least) & (held > 0)
    return np.where(few[found], int(held.argmax()), found), names


def count_labels(labels: Labels, data: DataConfig) -> dict[str, Any]:
    """Return how often each label occurs, the commonest first; of a number where it lies."""
    if data.task == "regression":
        numbers = labels.codes
        if not len(numbers):
            return {"labels": {}}
        found = {"mean": numbers.mean(), "deviation": numbers.std(), "least": numbers.min(), "most": numbers.max()}
        return {"labels": {}, "numbers": {name: round(float(value), 6) for name, value in found.items()}}
    return {"labels": {str(label): count for label, count in count_names(labels).most_common()}}


def check_splits(
    labels: Labels, splits: np.ndarray, names: Sequence[str], data: DataConfig, given: set[str], refusals: Refusals
) -> None:
    """Raise GraftError for a label that train, or a split that was not ``given``, lacks, and for a train without rows.

    ``splits`` (N,) are places in ``names``.
    """
    if not (splits == names.index("train")).any():
        raise GraftError(f"no row of train can be used; {_lost(refusals)}: correct that table, or its columns in data")
    if data.task == "regression":
        return
    held = {name: set(count_names(labels.of(splits == at))) for at, name in enumerate(names) if (splits == at).any()}
    for split in ("train", *sorted(set(held) - given - {"train"})):
        if missing := sorted(set[str]().union(*held.values()) - held.get(split, set())):
            where = "validation or test" if split == "train" else "train"
            raise GraftError(
                f"label {missing[0]!r} occurs in {where} and not in {split}; add texts of it to {split}, "
                "or raise prepare.min_rows_per_label above its rows"
            )
