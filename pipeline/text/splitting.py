"""Whole groups to train, validation and test, every label and domain in its share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.errors import GraftError
from pipeline.text.hashing import hash_texts, number_kind

SPLITS = ("train", "validation", "test")


@dataclass
class Grouped:
    """Groups in a seeded order that does not depend on the order of the rows.

    ``pairs`` are the groups' strata, of one group after another, with ``counts`` rows; those of group g lie at
    ``starts[g]:starts[g + 1]``.
    """

    row_group: np.ndarray  # (rows,) group of each row
    row_stratum: np.ndarray  # (rows,) label × domain of each row
    stratum_label: np.ndarray  # (strata,) label of each stratum
    pairs: np.ndarray
    counts: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray  # (groups,) rows of each group


def split_groups(frame: pd.DataFrame, validation: float, test: float, seed: int) -> np.ndarray:
    """Return the split of every row of ``frame`` (columns group, label, domain); see ``split_rows``."""
    groups, names = pd.factorize(frame["group"].to_numpy(dtype=object))
    labels, label_names = pd.factorize(frame["label"].to_numpy(dtype=object), sort=True)
    domains = pd.factorize(frame["domain"].to_numpy(dtype=object), sort=True)[0]
    order = order_key(map(str, names), seed)
    found: np.ndarray = np.array(SPLITS, dtype=object)[
        split_rows(groups, order, labels, domains, list(label_names), validation, test)
    ]
    return found


def order_key(names: Iterable[str], seed: int) -> np.ndarray:
    """Return hashes that put groups with these ``names`` into a seeded order: (groups,) uint64."""
    return hash_texts((f"{seed}:{name}" for name in names), size=16)


def split_rows(
    groups: np.ndarray,
    order: np.ndarray,
    labels: np.ndarray,
    domains: np.ndarray,
    names: Sequence[str],
    validation: float,
    test: float,
) -> np.ndarray:
    """Return the split of every row, (N,) int8 into ``SPLITS``; a share of 0 leaves a split out.

    Groups of several rows go, large ones first, where label and domain lack most; groups of one row
    fill up what is missing, evenly over labels and domains. Every label then gets into every split.

    ``groups`` (N,) number the groups from 0, ``order`` (groups,) puts them in order, ``labels`` and ``domains`` (N,)
    are the numbers of these in the order of their names; ``names`` are those of the labels.
    """
    if not len(groups):
        return np.zeros(0, np.int8)
    shares = np.array([1 - validation - test, validation, test])
    used = [split for split in range(len(SPLITS)) if shares[split] > 0]
    grouped = _group(groups, order, labels, domains)
    _check_groups(grouped, np.unique(labels), names, len(used))
    assigned = np.full(len(grouped.sizes), -1, np.int8)
    _assign_large(grouped, shares, used, assigned)
    _assign_single(grouped, shares, assigned)
    _complete(grouped, used, assigned)
    found: np.ndarray = assigned[grouped.row_group]
    return found


def _check_groups(grouped: Grouped, present: np.ndarray, names: Sequence[str], needed: int) -> None:
    counts = np.bincount(_group_labels(grouped)[1], minlength=len(present))
    for label, count in zip(present, counts, strict=True):
        if count < needed:
            raise GraftError(
                f"label {names[label]!r} occurs in {count} group(s) of texts that belong together, and {needed} splits "
                "need one each; add texts, name a finer data.group, or raise prepare.min_rows_per_label to leave it out"
            )


def _group(groups: np.ndarray, order: np.ndarray, labels: np.ndarray, domains: np.ndarray) -> Grouped:
    # Those that occur alone: a split may be cut from a part of the rows.
    codes, present = _from_zero(groups)
    rank = np.empty(len(present), codes.dtype)
    rank[np.argsort(order[present], kind="stable")] = np.arange(len(present), dtype=rank.dtype)
    row_group = rank[codes]
    many = int(domains.max(initial=0)) + 1
    row_stratum, strata = _from_zero(labels * np.int64(many) + domains)
    stratum_label = _from_zero(strata // many)[0]
    pairs, counts = np.unique(row_group * np.int64(len(strata)) + row_stratum, return_counts=True)
    sizes = np.bincount(row_group, minlength=len(present))
    starts = np.searchsorted(pairs, np.arange(len(present) + 1) * len(strata))
    return Grouped(row_group, row_stratum, stratum_label, pairs % max(len(strata), 1), counts, starts, sizes)


def _from_zero(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number ``codes`` (N,), which are not negative, without gaps and in their order; return these and the codes."""
    occurs = np.bincount(codes) > 0
    numbers = np.cumsum(occurs, dtype=number_kind(len(codes))) - 1
    return numbers[codes], np.flatnonzero(occurs)


def _group_labels(grouped: Grouped) -> tuple[np.ndarray, np.ndarray]:
    """Return groups and their distinct labels, of one group after another: (M,) and (M,)."""
    groups = np.repeat(np.arange(len(grouped.sizes)), np.diff(grouped.starts))
    labels = grouped.stratum_label[grouped.pairs]
    # Strata are in the order of their labels.
    new = np.ones(len(groups), dtype=bool)
    new[1:] = (groups[1:] != groups[:-1]) | (labels[1:] != labels[:-1])
    return groups[new], labels[new]


def _assign_large(grouped: Grouped, shares: np.ndarray, used: list[int], assigned: np.ndarray) -> None:
    large = np.flatnonzero(grouped.sizes > 1)
    totals = np.bincount(grouped.row_stratum, minlength=len(grouped.stratum_label))
    # lacking[split][stratum]: share of the split's rows of that stratum that is still to come.
    target = [[float(shares[split] * total) for total in totals] for split in range(len(SPLITS))]
    lacking = [[1.0] * len(totals) for _ in SPLITS]
    for group in large[np.argsort(-grouped.sizes[large], kind="stable")].tolist():
        part = slice(grouped.starts[group], grouped.starts[group + 1])
        counts = list(zip(grouped.pairs[part].tolist(), grouped.counts[part].tolist(), strict=True))
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
    stratum = grouped.pairs[grouped.starts[:-1]]
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
    groups, labels = _group_labels(grouped)
    starts = np.searchsorted(groups, np.arange(len(grouped.sizes) + 1))
    held = np.zeros((len(SPLITS), int(grouped.stratum_label.max()) + 1), dtype=int)
    np.add.at(held, (assigned[groups], labels), 1)

    def labels_of(group: int) -> np.ndarray:
        found: np.ndarray = labels[starts[group] : starts[group + 1]]
        return found

    for split, label in [(split, label) for label in range(held.shape[1]) for split in used if not held[split, label]]:
        if held[split, label]:
            continue
        fitting = [
            group
            for group in groups[labels == label].tolist()
            if all(held[assigned[group], other] > 1 for other in labels_of(group))
        ]
        if not fitting:
            raise GraftError(
                "the labels lie in so few groups of texts that not every split can hold each of them; "
                "raise prepare.min_rows_per_label, or name a finer data.group"
            )
        moved = min(fitting, key=lambda group: (grouped.sizes[group], group))
        held[assigned[moved], labels_of(moved)] -= 1
        held[split, labels_of(moved)] += 1
        assigned[moved] = split
