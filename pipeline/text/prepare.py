"""From raw rows to splits that can be trusted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipeline.settings.data import DataConfig
from pipeline.settings.prepare import PrepareConfig
from pipeline.text.cleaning import clean_text
from pipeline.text.deduplication import find_copies, find_leaks, key_of, loose_key, merge_groups
from pipeline.text.labelling import assign_labels
from pipeline.text.pairs import SECOND, reason_of, text_columns, texts_in, written_out
from pipeline.text.policy import PLAIN, Policy
from pipeline.text.refusals import Refusals
from pipeline.text.sources import RawRows
from pipeline.text.splitting import SPLITS, split_groups
from pipeline.text.targets import check_splits, count_labels, drop_rare, names_of, strata

BEHIND = ["label", "domain"]
QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass
class Prepared:
    """Train, validation and test (columns id, text, label, domain), the labels in order, and what happened.

    Pairs have their second text in a column text_pair behind text.
    """

    splits: dict[str, pd.DataFrame]
    labels: list[str]
    summary: dict[str, Any]


def prepare_dataset(raw: RawRows, data: DataConfig, config: PrepareConfig, policy: Policy = PLAIN) -> Prepared:
    """Clean, label, deduplicate and split; every row is kept or refused for a reason that is counted.

    Texts are read as ``policy`` asks; how many each of its rules changed is counted too.
    """
    refusals = Refusals()
    changed: Counter[str] = Counter()
    for reason, ids in raw.refused.items():
        refusals.add(reason, ids)
    frame = _clean(raw.frame, config, policy, refusals, changed)
    names, reasons = assign_labels(frame["id"].tolist(), frame["label"].tolist(), data)
    frame = refusals.drop(frame.assign(label=names), reasons)
    frame = frame.assign(key=list(map(key_of, texts_in(frame))))
    given = set(frame["split"]) - {""}
    if given:
        leaks = find_leaks(frame["key"].tolist(), frame["split"].tolist())
        frame = refusals.drop(frame, np.where(leaks, "leak", ""))
    frame = refusals.drop(frame, find_copies(list(map(written_out, texts_in(frame))), frame["label"].tolist()))
    frame = drop_rare(frame, data, config, refusals)
    frame = frame.assign(group=merge_groups(frame["group"].tolist(), frame["key"].tolist()))
    strata_of = frame.assign(label=strata(frame, data, config.min_rows_per_label))
    frame = frame.assign(split=_complete(strata_of, config) if given else _split(strata_of, config))
    check_splits(frame, data, given)
    labels = names_of(frame, data)
    parts = {split: frame[frame["split"] == split] for split in SPLITS}
    kept = sum(len(part) for part in parts.values())
    if kept + refusals.total != raw.rows_in:
        raise AssertionError(f"{raw.rows_in} rows came in, {kept} were kept and {refusals.total} refused")
    summary = {"rows_in": raw.rows_in, "rows_kept": kept, "labels": labels} | _summarise(parts, refusals, data)
    summary["changed"] = dict(changed)
    summary["splits_given"] = [split for split in SPLITS if split in given]
    if data.task == "multi_label":
        # Arrow makes lists of them, and no tuples.
        parts = {name: part.assign(label=part["label"].map(list)) for name, part in parts.items()}
    columns = ["id", *text_columns(frame), *BEHIND]
    return Prepared({name: part[columns].reset_index(drop=True) for name, part in parts.items()}, labels, summary)


def _clean(
    frame: pd.DataFrame, config: PrepareConfig, policy: Policy, refusals: Refusals, changed: Counter[str]
) -> pd.DataFrame:
    for column in text_columns(frame):
        missing = frame[column].isna().to_numpy()
        frame = refusals.drop(frame, np.where(missing, reason_of(column, "text_missing"), ""))
        cleaned = [clean_text(text, config.min_characters, config.max_characters, policy) for text in frame[column]]
        for each in cleaned:
            changed.update(each.rules)
        texts = pd.Series([each.text for each in cleaned], dtype=object, index=frame.index)
        reasons = np.array([reason_of(column, each.reason) for each in cleaned], dtype=object)
        frame = refusals.drop(frame.assign(**{column: texts}), reasons)
    return frame


def _split(frame: pd.DataFrame, config: PrepareConfig) -> np.ndarray:
    return split_groups(frame, config.validation, config.test, config.seed)


def _complete(frame: pd.DataFrame, config: PrepareConfig) -> np.ndarray:
    """Keep the splits as given; cut from train what was not given."""
    splits = frame["split"].to_numpy(dtype=object).copy()
    train = splits == "train"
    validation = 0.0 if (splits == "validation").any() else config.validation
    test = 0.0 if (splits == "test").any() else config.test
    if validation or test:
        splits[train] = split_groups(frame[train], validation, test, config.seed)
    return splits


def _summarise(parts: Mapping[str, pd.DataFrame], refusals: Refusals, data: DataConfig) -> dict[str, Any]:
    columns = text_columns(parts["train"])
    lengths = np.concatenate(
        [part[name].str.len().to_numpy(dtype=float) for part in parts.values() for name in columns]
    )
    return {
        "refused": refusals.counts,
        "refused_examples": refusals.examples,
        "splits": {name: _count(part, data) for name, part in parts.items()},
        "leakage": count_leakage(parts),
        "characters": {f"{quantile:.2f}": float(np.quantile(lengths, quantile)) for quantile in QUANTILES},
    }


def _count(part: pd.DataFrame, data: DataConfig) -> dict[str, Any]:
    return {
        "rows": len(part),
        "groups": int(part["group"].nunique()),
        **count_labels(part, data),
        "domains": {str(domain): int(count) for domain, count in part["domain"].value_counts().items() if domain},
    }


def count_leakage(parts: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, int]]:
    """Count the texts or pairs, and the loose keys, that two splits share: all must be 0.

    Of pairs also the first and the second texts that two splits share, each beside another text; ``data.group`` can
    keep them apart.
    """
    exact = {name: set(map(written_out, texts_in(part))) for name, part in parts.items()}
    loose = {name: set(map(key_of, texts_in(part))) for name, part in parts.items()}
    leakage = {}
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        found = {"exact": len(exact[one] & exact[other]), "loose": len(loose[one] & loose[other])}
        if SECOND in parts[one]:
            for column in text_columns(parts[one]):
                shared = set(map(loose_key, parts[one][column])) & set(map(loose_key, parts[other][column]))
                found[f"{column}_shared"] = len(shared)
        leakage[f"{one}_{other}"] = found
    return leakage
