"""Clean, split and augment: ``data/raw/`` and unlabelled text → ``data/prepared/``.

Sections ``data``, ``prepare``, ``text``, ``transfer_set``. What ``text`` asked is left in ``text.json``, for whoever
reads texts with a model of these.

python -m pipeline.stages.prepare
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.artifacts import publish_together, required, write_json, write_parquet
from pipeline.settings.data import DataConfig
from pipeline.settings.prepare import PrepareConfig, TransferSetConfig
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.text import TextConfig
from pipeline.stages.entry import run
from pipeline.text.pairs import texts_in
from pipeline.text.policy import Policy
from pipeline.text.prepare import prepare_dataset
from pipeline.text.sources import read_rows
from pipeline.text.transfer_set import build_transfer_set, summarise_transfer_set
from pipeline.text.unlabelled import read_unlabelled

RAW = Path("data/raw")
PREPARED = Path("data/prepared")


class Settings(Sections):
    """What this stage reads of params.yaml."""

    data: DataConfig
    prepare: PrepareConfig
    text: TextConfig
    transfer_set: TransferSetConfig


def main() -> None:
    """Write the three splits, the labels, the transfer set and a summary of what was refused and why."""
    params = read_sections(Settings)
    policy = Policy.of(params.text.model_dump())
    prepared = prepare_dataset(read_rows(required(RAW), params.data), params.data, params.prepare, policy)
    splits = prepared.splits
    train, held_out = splits["train"], pd.concat([splits["validation"], splits["test"]])
    known = (texts_in(train), texts_in(held_out))
    unlabelled = read_unlabelled(params.transfer_set, params.prepare, *known, policy, params.data.is_pair)
    transfer_set = build_transfer_set(train, held_out, unlabelled.frame, params.transfer_set)
    summary = prepared.summary | {"transfer_set": summarise_transfer_set(transfer_set, unlabelled)}
    tables = splits | {"transfer": transfer_set}
    facts = {
        "labels": {"labels": prepared.labels, "task": params.data.task}
        | ({"pairs": True} if params.data.is_pair else {}),
        "summary": summary,
        "text": policy.values(),
    }
    files = [f"{name}.parquet" for name in tables] + [f"{name}.json" for name in facts]
    with publish_together(*(PREPARED / file for file in files)) as partials:
        places = dict(zip(files, partials, strict=True))
        for name, table in tables.items():
            write_parquet(places[f"{name}.parquet"], table)
        for name, fact in facts.items():
            write_json(places[f"{name}.json"], fact)
    _report("rows", summary, {name: len(split) for name, split in splits.items()})
    if unlabelled.summary["rows_in"]:
        _report("unlabelled rows", unlabelled.summary, {})
    kinds = _list(summary["transfer_set"]["kinds"])
    print(f"transfer set: {len(transfer_set):,} texts ({kinds}); labels: {', '.join(prepared.labels)}")


def _report(what: str, summary: Mapping[str, Any], kept: Mapping[str, int]) -> None:
    parts = f" ({_list(kept)})" if kept else ""
    done = f"refused: {_list(summary['refused'])}; changed: {_list(summary['changed'])}"
    print(f"{summary['rows_in']:,} {what} in, {summary['rows_kept']:,} kept{parts}; {done}")


def _list(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


if __name__ == "__main__":
    run(main)
