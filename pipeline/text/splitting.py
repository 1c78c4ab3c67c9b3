"""Whole groups to train, validation and test, every label and domain in its share."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.errors import GraftError

SPLITS = ("train", "validation", "test")


@dataclass
class Grouped:
    """Groups in a seeded order that does not depend on the order of the rows."""

    row_group: np.ndarray  # (rows,) group of each row
    row_stratum: np.ndarray  # (rows,) label × domain of each row
    stratum_label: np.ndarray  # (strata,) label of each stratum
    counts: list[list[tuple[int, int]]]  # per group: (stratum, rows)
    sizes: np.ndarray  # (groups,) rows of each group


def split_groups(frame: pd.DataFrame, validation: float, test: float, seed: int) -> np.ndarray:
    """Return the split of every row of ``frame`` (columns group, label, domain); a share of 0 leaves a split out.

    Groups of several rows go, large ones first, where label and domain lack most; groups of one row
    fill up what is missing, evenly over labels and domains. Every label then gets into every split.
    """
    shares = np.array([1 - validation - test, validation, test])
    used = [split for split in range(len(SPLITS)) if shares[split] > 0]
    _check_groups(frame, len(used))
    grouped = _group(frame, seed)
    assigned = np.full(len(grouped.sizes), -1)
    _assign_large(grouped, shares, used, assigned)
    _assign_single(grouped, shares, assigned)
    _complete(grouped, used, assigned)
    names: np.ndarray = np.array(SPLITS, dtype=object)[assigned[grouped.row_group]]
    return names


def _check_groups(frame: pd.DataFrame, needed: int) -> None:
    groups = frame.groupby("label", sort=True)["group"].nunique()
    for label, count in groups.items():
        if count < needed:
            raise GraftError(
                f"label {label!r} occurs in {count} group(s) of texts that belong together, and {needed} splits need "
                "one each; add texts, name a finer data.group, or raise prepare.min_rows_per_label to leave it out"
            )


def _group(frame: pd.DataFrame, seed: int) -> Grouped:
    codes, names = pd.factorize(frame["group"].to_numpy(dtype=object))
    digests = [hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=16).digest() for name in names]
    rank = np.empty(len(names), dtype=int)
    rank[sorted(range(len(names)), key=digests.__getitem__)] = np.arange(len(names))
    row_group = rank[codes]
    strata = pd.MultiIndex.from_frame(frame[["label", "domain"]].astype(object))
    stratum_codes, stratum_names = pd.factorize(strata, sort=True)
    stratum_label = pd.factorize(stratum_names.get_level_values(0), sort=True)[0]
    pairs, rows = np.unique(np.stack([row_group, stratum_codes], axis=1), axis=0, return_counts=True)
    counts: list[list[tuple[int, int]]] = [[] for _ in names]
    for (group, stratum), count in zip(pairs.tolist(), rows.tolist(), strict=True):
        counts[group].append((stratum, count))
    return Grouped(row_group, stratum_codes, stratum_label, counts, np.bincount(row_group, minlength=len(names)))


def _assign_large(grouped: Grouped, shares: np.ndarray, used: list[int], assigned: np.ndarray) -> None:
    large = np.flatnonzero(grouped.sizes > 1)
    totals = np.bincount(grouped.row_stratum, minlength=len(grouped.stratum_label))
    # lacking[split][stratum]: share of the split's rows of that stratum that is still to come.
    target = [[float(shares[split] * total) for total in totals] for split in range(len(SPLITS))]
    lacking = [[1.0] * len(totals) for _ in SPLITS]
    for group in large[np.argsort(-grouped.sizes[large], kind="stable")].tolist():
        counts = grouped.counts[group]
        best = max(used, key=lambda split: sum(rows * lacking[split][stratum] for stratum, rows in counts))
        assigned[group] = best
        for stratum, rows in counts:
            lacking[best][stratum] -= rows / target[best][stratum]


def _assign_single(grouped: Grouped, shares: np.ndarray, assigned: np.ndarray) -> None:
    row_label = grouped.stratum_label[grouped.row_stratum]
    row_split = assigned[grouped.row_group]
    labels = int(grouped.stratum_label.max()) + 1
    lacking = np.outer(shares, np.bincount(row_label, minlength=labels))
    np.subtract.at(lacking, (row_split[row_split >= 0], row_label[row_split >= 0]), 1)
    lacking = lacking.clip(min=0)
    # By label, by domain, and in the seeded order within: evenly spaced picks give each domain its share.
    stratum = np.array([counts[0][0] for counts in grouped.counts])
    single = np.flatnonzero(assigned < 0)
    single = single[np.argsort(stratum[single], kind="stable")]
    starts = np.searchsorted(grouped.stratum_label[stratum[single]], np.arange(1, labels))
    # What rounding takes from one label the next ones get back, so that many small labels add up.
    owed_held = owed_test = 0.0
    for label, groups in enumerate(np.split(single, starts)):
        owed_held += float(lacking[1, label] + lacking[2, label])
        owed_test += float(lacking[2, label])
        holding = _bounded(round(owed_held), 0, len(groups))
        spare = int(holding > 1 and lacking[1, label] > 0 and lacking[2, label] > 0)
        testing = _bounded(round(owed_test), spare, holding - spare)
        held = _evenly(len(groups), holding)
        tested = np.zeros(len(groups), dtype=bool)
        tested[held] = _evenly(holding, testing)
        assigned[groups] = np.where(tested, 2, np.where(held, 1, 0))
        owed_held = min(owed_held - holding, 1.0)
        owed_test = min(owed_test - testing, 1.0)


def _bounded(count: int, low: int, high: int) -> int:
    return max(low, min(count, high))


def _evenly(places: int, picks: int) -> np.ndarray:
    """Mark ``picks`` of ``places``, evenly spaced."""
    steps = np.floor(np.arange(places + 1) * (picks / places if places else 0) + 0.5)
    marked: np.ndarray = np.diff(steps) > 0
    return marked


def _complete(grouped: Grouped, used: list[int], assigned: np.ndarray) -> None:
    """Move the smallest fitting group to each split that lacks a label."""
    labels = [sorted({int(grouped.stratum_label[stratum]) for stratum, _ in counts}) for counts in grouped.counts]
    held = np.zeros((len(SPLITS), int(grouped.stratum_label.max()) + 1), dtype=int)
    for group, split in enumerate(assigned.tolist()):
        held[split, labels[group]] += 1
    for split, label in [(split, label) for label in range(held.shape[1]) for split in used if not held[split, label]]:
        if held[split, label]:
            continue
        fitting = [
            group
            for group in range(len(labels))
            if label in labels[group] and all(held[assigned[group], other] > 1 for other in labels[group])
        ]
        if not fitting:
            raise GraftError(
                "the labels lie in so few groups of texts that not every split can hold each of them; "
                "raise prepare.min_rows_per_label, or name a finer data.group"
            )
        moved = min(fitting, key=lambda group: (grouped.sizes[group], group))
        held[assigned[moved], labels[moved]] -= 1
        held[split, labels[moved]] += 1
        assigned[moved] = split
