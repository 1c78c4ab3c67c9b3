"""From raw rows to splits that can be trusted."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.settings.data import DataConfig
from pipeline.settings.prepare import PrepareConfig
from pipeline.text.deduplication import find_copies, find_leaks, join_equal, least_keys, merge_groups
from pipeline.text.facts import Facts, read_facts, tables_of
from pipeline.text.hashing import number_kind
from pipeline.text.policy import PLAIN, Policy
from pipeline.text.refusals import Refusals
from pipeline.text.sources import RawRows
from pipeline.text.splitting import SPLITS, split_rows
from pipeline.text.targets import Labels, check_splits, count_labels, drop_rare, names_of, strata

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
PAIRS = (("train", "validation"), ("train", "test"), ("validation", "test"))


@dataclass
class Prepared:
    """Which rows are in which split, the labels in order, and what happened.

    ``rows`` (M,) number those that were kept among the ``facts``; ``row_labels`` and ``row_splits`` (M,) are theirs.
    """

    facts: Facts
    rows: np.ndarray
    row_labels: Labels
    row_splits: np.ndarray
    labels: list[str]
    summary: dict[str, Any]

    def tables(self, split: str) -> Iterator[pd.DataFrame]:
        """Yield a split in parts: the columns id, text, of pairs text_pair, label and domain."""
        chosen = self.row_splits == SPLITS.index(split)
        rows = self.rows[chosen]
        return tables_of(self.facts, self.row_labels.of(chosen), rows, self.facts.columns["domain"][rows])

    @property
    def splits(self) -> dict[str, pd.DataFrame]:
        """Every split as one table."""
        return {split: pd.concat(self.tables(split), ignore_index=True) for split in SPLITS}


def prepare_dataset(
    raw: RawRows | Iterable[RawRows],
    data: DataConfig,
    config: PrepareConfig,
    policy: Policy = PLAIN,
    folder: Path | None = None,
) -> Prepared:
    """Clean, label, deduplicate and split; every row is kept or refused for a reason that is counted.

    Texts are read as ``policy`` asks; how many each of its rules changed is counted too. Rows may come in parts; texts
    are kept in ``folder``, or where the system keeps temporary files.
    """
    refusals = Refusals()
    parts = [raw] if isinstance(raw, RawRows) else raw
    facts, changed = read_facts(parts, data, config, policy, refusals, folder or Path(tempfile.gettempdir()))
    rows_in = len(facts) + refusals.total
    rows, given = _without_copies(facts, refusals)
    labels, rare = drop_rare(facts.labels.of(rows), data, config, refusals)
    refusals.add_rows("label_too_rare", rows[rare], facts.id_of)
    rows, labels = rows[~rare], labels.of(~rare)
    groups, order = _group(facts, rows)
    shares, names = strata(labels, groups, data, config.min_rows_per_label)
    splits = _split(facts, rows, groups, order, shares, names, config)
    check_splits(labels, splits, SPLITS, data, given, refusals)
    if len(rows) + refusals.total != rows_in:
        raise AssertionError(f"{rows_in} rows came in, {len(rows)} were kept and {refusals.total} refused")
    label_names = names_of(labels, data)
    summary = {
        "rows_in": rows_in,
        "rows_kept": len(rows),
        "labels": label_names,
        "refused": refusals.counts,
        "refused_examples": refusals.examples,
        "splits": {
            name: _count(facts, rows[splits == at], labels.of(splits == at), groups[splits == at], data)
            for at, name in enumerate(SPLITS)
        },
        "leakage": count_leakage({name: _hashes(facts, rows[splits == at]) for at, name in enumerate(SPLITS)}),
        "characters": _quantiles(facts, rows),
        "changed": dict(changed),
        "splits_given": [split for split in SPLITS if split in given],
    }
    return Prepared(facts, rows, labels, splits, label_names, summary)


def _without_copies(facts: Facts, refusals: Refusals) -> tuple[np.ndarray, set[str]]:
    """Return the numbers of the rows that are no copies, and the splits that were given."""
    ranks = facts.columns["split"]
    given = {split for at, split in enumerate(SPLITS) if (ranks == at).any()}
    rows = np.arange(len(facts), dtype=number_kind(len(facts)))
    if given:
        leaks = find_leaks(facts.columns["key"], ranks)
        refusals.add_rows("leak", rows[leaks], facts.id_of)
        # What belongs together must not lie on both sides either.
        parted = find_leaks(facts.columns["group"], ranks) & ~leaks if facts.grouped else np.zeros_like(leaks)
        refusals.add_rows("group_leak", rows[parted], facts.id_of)
        rows = rows[~(leaks | parted)]
    conflicting, repeated = find_copies(facts.columns["text"][rows], facts.labels.codes[rows])
    refusals.add_rows("conflicting_labels", rows[conflicting], facts.id_of)
    refusals.add_rows("duplicate", rows[repeated & ~conflicting], facts.id_of)
    return rows[~(conflicting | repeated)], given


def _group(facts: Facts, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of each of ``rows`` (M,), and what puts the groups in order (groups,)."""
    keys = facts.columns["key"][rows]
    if not facts.grouped:
        groups = join_equal(keys)
        return groups, keys[np.unique(groups, return_index=True)[1]]
    groups = merge_groups(facts.columns["group"][rows], keys)
    letters = facts.columns["letters"][rows]
    return groups, least_keys(groups, keys, letters, lambda row: facts.key_at(int(rows[row])))


def _split(
    facts: Facts,
    rows: np.ndarray,
    groups: np.ndarray,
    order: np.ndarray,
    shares: np.ndarray,
    names: Sequence[str],
    config: PrepareConfig,
) -> np.ndarray:
    """Return the split of each of ``rows`` (M,); keep those that were given, and cut from train what was not."""
    splits = facts.columns["split"][rows]
    given = {name for at, name in enumerate(SPLITS) if (splits == at).any()}
    validation = 0.0 if "validation" in given else config.validation
    test = 0.0 if "test" in given else config.test
    if validation or test or not given:
        # Where any split was given all rows have one.
        cut = splits == SPLITS.index("train") if given else splits < 0
        domains = facts.columns["domain"][rows[cut]]
        splits[cut] = split_rows(groups[cut], order, shares[cut], domains, names, validation, test)
    return splits


def _count(facts: Facts, rows: np.ndarray, labels: Labels, groups: np.ndarray, data: DataConfig) -> dict[str, Any]:
    domains = np.bincount(facts.columns["domain"][rows], minlength=len(facts.domains)).tolist()
    return {
        "rows": len(rows),
        "groups": len(np.unique(groups)),
        **count_labels(labels, data),
        "domains": {name: count for name, count in zip(facts.domains, domains, strict=True) if name and count},
    }


def _quantiles(facts: Facts, rows: np.ndarray) -> dict[str, float]:
    counts = np.zeros(0, np.int64)
    for column in facts.lengths.values():
        own = np.bincount(column[rows])
        counts = np.pad(counts, (0, max(len(own) - len(counts), 0)))
        counts[: len(own)] += own
    return {f"{quantile:.2f}": _quantile(np.cumsum(counts), quantile) for quantile in QUANTILES}


def _quantile(ranks: np.ndarray, quantile: float) -> float:
    """The quantile of N whole numbers, of which ``ranks[n]`` are n at most; what lies between two is interpolated."""
    place = quantile * (int(ranks[-1]) - 1)
    below = int(place)
    held = np.searchsorted(ranks, [below, min(below + 1, int(ranks[-1]) - 1)], side="right")
    return float(np.quantile(held.astype(float), place - below))


def _hashes(facts: Facts, rows: np.ndarray) -> dict[str, np.ndarray]:
    shared = {f"{name}_shared": column[rows] for name, column in facts.sides.items()}
    return {"exact": facts.columns["text"][rows], "loose": facts.columns["key"][rows]} | shared


def count_leakage(parts: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, dict[str, int]]:
    """Count the texts or pairs, and the loose keys, that two splits share, by their hashes: all must be 0.

    Of pairs also the first and the second texts that two splits share, each beside another text; ``data.group`` can
    keep them apart.
    """
    kinds = list(next(iter(parts.values())))
    found: dict[str, dict[str, int]] = {f"{one}_{other}": {} for one, other in PAIRS}
    for kind in kinds:
        # Of one kind at a time: of a million rows each takes eight megabytes.
        distinct = {name: np.unique(part[kind]) for name, part in parts.items()}
        for one, other in PAIRS:
            shared = np.intersect1d(distinct[one], distinct[other], assume_unique=True)
            found[f"{one}_{other}"][kind] = len(shared)
    return found
