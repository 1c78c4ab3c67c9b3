"""What a split must hold of each kind of task: labels that are frequent enough, and alike in every split."""

from collections import Counter
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


def drop_rare(frame: pd.DataFrame, data: DataConfig, config: PrepareConfig, refusals: Refusals) -> pd.DataFrame:
    """Return ``frame`` without what is too rare to learn; GraftError if too little is left to tell apart.

    Rows of a rare label are refused. Where a text has any number of labels it loses the rare ones and stays.
    """
    if data.task == "regression":
        if frame["label"].nunique() < 2:
            raise GraftError(f"two different numbers are needed to learn {name_of_number(data)}; {_lost(refusals)}")
        return frame
    if data.task == "multi_label":
        return _forget_rare(frame, config, refusals)
    counts = frame["label"].map(frame["label"].value_counts())
    found = ", ".join(f"{label} ({count})" for label, count in frame["label"].value_counts().items())
    frame = refusals.drop(frame, np.where(counts < config.min_rows_per_label, "label_too_rare", ""))
    if frame["label"].nunique() < 2:
        raise _too_few(config, found, refusals)
    return frame


def _forget_rare(frame: pd.DataFrame, config: PrepareConfig, refusals: Refusals) -> pd.DataFrame:
    counts = Counter(name for names in frame["label"] for name in names)
    kept = {name for name, count in counts.items() if count >= config.min_rows_per_label}
    if len(kept) < 2:
        raise _too_few(config, ", ".join(f"{name} ({count})" for name, count in counts.most_common()), refusals)
    labels = np.empty(len(frame), dtype=object)
    labels[:] = [tuple(name for name in names if name in kept) for names in frame["label"]]
    return frame.assign(label=labels)


def _too_few(config: PrepareConfig, found: str, refusals: Refusals) -> GraftError:
    return GraftError(
        f"two labels or more are needed with prepare.min_rows_per_label ({config.min_rows_per_label}) rows each; "
        f"usable rows by label: {found[:300] or 'none'}; {_lost(refusals)}"
    )


def _lost(refusals: Refusals) -> str:
    return f"refused: {', '.join(f'{reason} {count}' for reason, count in sorted(refusals.counts.items())) or 'none'}"


def names_of(frame: pd.DataFrame, data: DataConfig) -> list[str]:
    """Return the task's labels in order; of a regression the name of the number."""
    if data.task == "regression":
        return [name_of_number(data)]
    return order_labels(_labels_in(frame, data), data)


def strata(frame: pd.DataFrame, data: DataConfig, least: int) -> np.ndarray:
    """Return what every split is to hold its share of, a name a row.

    Of one label itself; of a number its range; of several labels the rarest. The two latter join the commonest where
    fewer than ``least`` groups of texts have them.
    """
    if data.task == "single_label":
        return frame["label"].to_numpy(dtype=object)
    if data.task == "regression":
        ranks = frame["label"].rank(pct=True).to_numpy()
        found: np.ndarray = np.minimum((ranks * RANGES).astype(int), RANGES - 1).astype(str).astype(object)
    else:
        counts = Counter(name for names in frame["label"] for name in names)
        rarest = [min(names, key=lambda name: (counts[name], name), default="") for names in frame["label"]]
        found = np.array(rarest, dtype=object)
    groups = frame["group"].groupby(found, sort=True).nunique()
    found[np.isin(found, groups.index[groups < least])] = groups.idxmax()
    return found


def count_labels(part: pd.DataFrame, data: DataConfig) -> dict[str, Any]:
    """Return how often each label occurs, the commonest first; of a number where it lies."""
    if data.task == "regression":
        numbers = part["label"].to_numpy(float)
        if not len(numbers):
            return {"labels": {}}
        found = {"mean": numbers.mean(), "deviation": numbers.std(), "least": numbers.min(), "most": numbers.max()}
        return {"labels": {}, "numbers": {name: round(float(value), 6) for name, value in found.items()}}
    labels = part["label"].explode().dropna() if data.task == "multi_label" else part["label"]
    return {"labels": {str(label): int(count) for label, count in labels.value_counts().items()}}


def check_splits(frame: pd.DataFrame, data: DataConfig, given: set[str]) -> None:
    """Raise GraftError for a label that train, or a split that was not ``given``, lacks."""
    if data.task == "regression":
        return
    held = {str(split): _labels_in(part, data) for split, part in frame.groupby("split")}
    for split in ("train", *sorted(set(held) - given - {"train"})):
        if missing := sorted(set[str]().union(*held.values()) - held.get(split, set())):
            where = "validation or test" if split == "train" else "train"
            raise GraftError(
                f"label {missing[0]!r} occurs in {where} and not in {split}; add texts of it to {split}, "
                "or raise prepare.min_rows_per_label above its rows"
            )


def _labels_in(frame: pd.DataFrame, data: DataConfig) -> set[str]:
    if data.task == "multi_label":
        return {name for names in frame["label"] for name in names}
    return set(frame["label"])
