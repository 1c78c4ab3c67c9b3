"""Clean, split and augment: ``data/raw/`` and unlabelled text → ``data/prepared/``.

Sections ``data``, ``prepare``, ``text``, ``transfer_set``. What ``text`` asked is left in ``text.json``, for whoever
reads texts with a model of these.

python -m pipeline.stages.prepare
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from pipeline.artifacts import parquet_rows, publish_together, required, write_json
from pipeline.settings.data import DataConfig
from pipeline.settings.prepare import PrepareConfig, TransferSetConfig
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.text import TextConfig
from pipeline.stages.entry import run
from pipeline.text.ids import count_kinds
from pipeline.text.pairs import TextOrPair, texts_in
from pipeline.text.policy import Policy
from pipeline.text.prepare import prepare_dataset
from pipeline.text.sources import iter_raw
from pipeline.text.splitting import SPLITS
from pipeline.text.transfer_set import transfer_tables
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
    raw = iter_raw(required(RAW), params.data)
    prepared = prepare_dataset(raw, params.data, params.prepare, policy, RAW.parent)

    def texts(*splits: str) -> Iterator[TextOrPair]:
        return (text for split in splits for table in prepared.tables(split) for text in texts_in(table))

    known = (texts("train"), texts("validation", "test"))
    unlabelled = read_unlabelled(params.transfer_set, params.prepare, *known, policy, params.data.is_pair, RAW.parent)
    held_out = chain(prepared.tables("validation"), prepared.tables("test"))
    parts = (prepared.tables("train"), held_out, unlabelled.tables())
    tables = {split: prepared.tables(split) for split in SPLITS}
    tables["transfer"] = transfer_tables(*parts, params.transfer_set, RAW.parent, params.data.is_pair)
    files = [f"{name}.parquet" for name in tables] + [f"{name}.json" for name in ("labels", "summary", "text")]
    with publish_together(*(PREPARED / file for file in files)) as partials:
        places = dict(zip(files, partials, strict=True))
        kinds: Counter[str] = Counter()
        for name, some in tables.items():
            with parquet_rows(places[f"{name}.parquet"]) as table:
                for part in some:
                    table.append(part)
                    kinds.update(count_kinds(part["id"]) if name == "transfer" else {})
        counts = dict(kinds.most_common())
        found = {"rows": kinds.total(), "kinds": counts, "unlabelled": unlabelled.summary}
        summary = prepared.summary | {"transfer_set": found}
        pairs = {"pairs": True} if params.data.is_pair else {}
        write_json(places["labels.json"], {"labels": prepared.labels, "task": params.data.task} | pairs)
        write_json(places["summary.json"], summary)
        write_json(places["text.json"], policy.values())
    _report("rows", summary, {name: int(split["rows"]) for name, split in summary["splits"].items()})
    if unlabelled.summary["rows_in"]:
        _report("unlabelled rows", unlabelled.summary, {})
    print(f"transfer set: {kinds.total():,} texts ({_list(counts)}); labels: {', '.join(prepared.labels)}")


def _report(what: str, summary: Mapping[str, Any], kept: Mapping[str, int]) -> None:
    parts = f" ({_list(kept)})" if kept else ""
    done = f"refused: {_list(summary['refused'])}; changed: {_list(summary['changed'])}"
    print(f"{summary['rows_in']:,} {what} in, {summary['rows_kept']:,} kept{parts}; {done}")


def _list(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


if __name__ == "__main__":
    run(main)
