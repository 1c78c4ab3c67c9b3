"""Clean, split and augment: ``data/raw/`` → ``data/prepared/``; sections ``data``, ``prepare``, ``transfer_set``.

python -m pipeline.stages.prepare
"""

from pathlib import Path

from pipeline.artifacts import required, write_json, write_parquet
from pipeline.params import load_params
from pipeline.stages.entry import run
from pipeline.text.prepare import build_transfer_set, count_kinds, prepare_dataset
from pipeline.text.sources import read_rows

RAW = Path("data/raw")
PREPARED = Path("data/prepared")


def main() -> None:
    """Write the three splits, the labels, the transfer set and a summary of what was refused and why."""
    params = load_params()
    prepared = prepare_dataset(read_rows(required(RAW), params.data), params.data, params.prepare)
    splits = prepared.splits
    transfer_set = build_transfer_set(splits["train"], [splits["validation"], splits["test"]], params.transfer_set)
    summary = prepared.summary | {"transfer_set": {"rows": len(transfer_set), "kinds": count_kinds(transfer_set)}}
    for name, split in splits.items():
        write_parquet(PREPARED / f"{name}.parquet", split)
    write_parquet(PREPARED / "transfer.parquet", transfer_set)
    write_json(PREPARED / "labels.json", {"labels": prepared.labels})
    write_json(PREPARED / "summary.json", summary)
    rows = ", ".join(f"{name} {len(split):,}" for name, split in splits.items())
    refused = ", ".join(f"{reason} {count:,}" for reason, count in sorted(summary["refused"].items())) or "none"
    print(f"{summary['rows_in']:,} rows in, {summary['rows_kept']:,} kept ({rows}); refused: {refused}")
    print(f"transfer set: {len(transfer_set):,} texts; labels: {', '.join(prepared.labels)}")


if __name__ == "__main__":
    run(main)
