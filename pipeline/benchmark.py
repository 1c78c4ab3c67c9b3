"""``python -m pipeline.benchmark``: how fast and how large the exported models are, on this machine.

Every student and teacher of params.yaml in the form that ships, measured in turn over texts of the test split after
those of the training split: the time of one text, texts a second in batches of 32, memory, and the ratio to the (first)
teacher in the same rounds.
Writes ``data/speed/speed.json``, which the report reads: times are no reproducible output, so they are an input of the
DAG, kept in git beside the name of the machine that measured them.
"""

import argparse
import datetime
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipeline.artifacts import read_parquet, required, write_json
from pipeline.deployment.classifier import FILES
from pipeline.deployment.digest import digest
from pipeline.errors import GraftError
from pipeline.interruption import ended_by_signals
from pipeline.lineage.provenance import processor
from pipeline.params import load_params
from pipeline.speed.record import read_speed
from pipeline.speed.rounds import measure, summary
from pipeline.text.pairs import texts_in

EXPORTS, PREPARED, TARGET = Path("exports"), Path("data/prepared"), Path("data/speed/speed.json")
HEADINGS = ("model", "", "p50, ms", "p95, ms", "texts/s", "ratio", "model alone", "MB", "memory, MB")


def main() -> None:
    """Read the command line, measure, write, print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.benchmark", description="Speed and size of the exported models on this machine."
    )
    parser.add_argument("--rounds", type=int, default=9, help="rounds over all models (9)")
    parser.add_argument("--threads", type=int, default=1, help="threads that each model computes in (1)")
    parser.add_argument("--missing", action="store_true", help="only if an export has not been measured yet")
    options = parser.parse_args()
    if min(options.rounds, options.threads) < 1:
        parser.error("--rounds and --threads must be at least 1")
    with ended_by_signals("benchmark"):
        try:
            folders = _folders()
            digests = {name: digest(folder) for name, folder in folders.items()}
            if options.missing and _measured(digests):
                return
            record = _record(folders, digests, options.rounds, options.threads)
            write_json(TARGET, record)
        except GraftError as error:
            sys.exit(f"graft: benchmark: {error}")
        _print(record)


def _folders() -> dict[str, Path]:
    """The exported models by name, the teachers first."""
    params = load_params()
    names = [f"teacher/{name}" for name in params.teachers] + list(params.students)
    return {name: required(EXPORTS / name) for name in names}


def _measured(digests: dict[str, str]) -> bool:
    known = read_speed(TARGET)
    return known is not None and all(known.of(name, value) for name, value in digests.items())


def _record(folders: dict[str, Path], digests: dict[str, str], rounds: int, threads: int) -> dict[str, Any]:
    texts, before = (texts_in(read_parquet(PREPARED / f"{split}.parquet")) for split in ("test", "train"))
    models: dict[str, Any] = {name: {"digest": value} for name, value in digests.items()}
    teacher = next(iter(folders))
    with tqdm(total=len(FILES) * len(folders) * (rounds + 1), desc="benchmark", disable=None) as progress:
        for precision, file in FILES.items():
            found = measure(folders, precision, texts, before, rounds, threads, progress.update)
            for name, folder in folders.items():
                size = sum((folder / each).stat().st_size for each in (file, "tokenizer.json"))
                models[name][precision] = {"bytes": size, **summary(found[name], found[teacher])}
    machine = {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "onnxruntime": version("onnxruntime"),
        "date": datetime.date.today().isoformat(),
    }
    return {"machine": machine, "models": models}


def _print(record: dict[str, Any]) -> None:
    machine = record["machine"]
    print(f"{machine['processor']}, {machine['threads']} thread(s), onnxruntime {machine['onnxruntime']}\n")
    print(f"| {' | '.join(HEADINGS)} |\n|---|---|{'---:|' * (len(HEADINGS) - 2)}")
    for precision in FILES:
        for name, model in record["models"].items():
            each = model[precision]
            cells = [
                f"{each['p50_ms']:.2f}", f"{each['p95_ms']:.2f}", f"{each['texts_per_second']:,.0f}",
                f"{each['ratio']:.1f}", f"{each['ratio_model']:.1f}",
                f"{each['bytes'] / 1e6:.1f}", f"{each['memory_mb']:.0f}",
            ]  # fmt: skip
            print(f"| {name} | {precision} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
