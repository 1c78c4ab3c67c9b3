"""Memory and speed of ``predict`` over many rows: it must not need more for a million than for ten thousand.

    python -m benchmarks.streaming --model exports/static --rows 1000000

The command runs in a process of its own over rows made from the prepared test texts, as lines on stdin, as CSV, as JSON
lines and as Parquet, the tables with ``--output`` in the same format. Status 1 if the peak memory over all rows is more
than 1.2 times that over the first ten thousand, or if a row is missing in the output.
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm.auto import tqdm

from benchmarks.tables import markdown_table
from pipeline.errors import GraftError

FEW, LIMIT = 10_000, 1.2
FORMATS = ("txt", "csv", "jsonl", "parquet")
TEXTS = Path("data/prepared/test.parquet")
# A process begins as a copy of the one that starts it, whose memory then counts for its own: this one is small.
LAUNCH = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""
# Rows of a row group, as pandas and pyarrow write them: a million fit into one.
GROUP = 2**20


@dataclass(frozen=True)
class Run:
    """One run of the command: rows that came out, seconds, and peak resident memory in megabytes."""

    rows: int
    seconds: float
    megabytes: float


def make_texts(rows: int, seed: int = 0) -> Iterator[str]:
    """Yield distinct texts of the length of real ones: two of the test split's, or made-up words without one."""
    source = random.Random(seed)
    if TEXTS.exists():
        known = pq.read_table(TEXTS, columns=["text"]).column(0).to_pylist()
    else:
        known = [" ".join(source.choices(["good", "film", "a", "the", "plot", "was", "not"], k=12)) for _ in range(999)]
    return (f"{source.choice(known)} {number}" for number in range(rows))


def write_rows(path: Path, rows: int) -> None:
    """Write a file of ``rows`` rows in the format of its name, a few in memory at a time."""
    texts = make_texts(rows)
    if path.suffix == ".parquet":
        schema = pa.schema([("id", pa.int64()), ("text", pa.string())])
        with pq.ParquetWriter(path, schema) as writer:
            for start in range(0, rows, GROUP):
                part = list(islice(texts, GROUP))
                writer.write_table(pa.table([range(start, start + len(part)), part], schema=schema), GROUP)
        return
    with path.open("w", encoding="utf-8", newline="") as stream:
        if path.suffix == ".csv":
            csv.writer(stream).writerows([("id", "text")])
            csv.writer(stream).writerows(enumerate(texts))
        elif path.suffix == ".jsonl":
            stream.writelines(json.dumps({"id": at, "text": text}) + "\n" for at, text in enumerate(texts))
        else:
            stream.writelines(f"{text}\n" for text in texts)


def measure(model: Path, source: Path, target: Path) -> Run:
    """Run the command over ``source``; lines go in through stdin and out through stdout."""
    command = [sys.executable, "-m", "pipeline.predict", str(model)]
    if source.suffix != ".txt":
        command += ["--input", str(source), "--output", str(target), "--force"]
    began = time.perf_counter()
    with source.open("rb") as given, target.open("wb") as taken:
        done = subprocess.run(
            [sys.executable, "-c", LAUNCH, *command], stdin=given, stdout=taken, stderr=subprocess.PIPE, text=True
        )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise GraftError(f"predict failed over {source.name}: {done.stderr.strip()[-300:]}")
    # Linux counts in kilobytes, macOS in bytes.
    return Run(count_rows(target), seconds, int(done.stderr.split()[-1]) / (1e3 if psutil.LINUX else 1e6))


def count_rows(path: Path) -> int:
    """Return how many rows a file has that ``predict`` wrote; none of these texts holds a line end."""
    if path.suffix == ".parquet":
        return int(pq.read_metadata(path).num_rows)
    with path.open("rb") as stream:
        return sum(1 for _ in stream) - (path.suffix == ".csv")


def compare(model: Path, rows: int, formats: Sequence[str] = FORMATS, few: int = FEW) -> dict[str, tuple[Run, Run]]:
    """Run every format over ``few`` and over all rows; GraftError if the output lacks one."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="graft-streaming-") as folder:
        for kind in tqdm(formats, unit="format", disable=None):
            runs = []
            for number in (few, rows):
                source, target = Path(folder) / f"in.{kind}", Path(folder) / f"out.{kind}"
                write_rows(source, number)
                runs.append(measure(model, source, target))
                if runs[-1].rows != number:
                    raise GraftError(f"{kind}: {number} rows went in, {runs[-1].rows} came out")
                source.unlink()
                target.unlink()
            found[kind] = (runs[0], runs[1])
    return found


def render(found: dict[str, tuple[Run, Run]]) -> tuple[str, float]:
    """Return the table, and the largest ratio of memory."""
    rows, ratios = [], []
    for kind, (few, many) in found.items():
        ratios.append(many.megabytes / few.megabytes)
        speed = f"{many.rows / many.seconds:,.0f}"
        memory = [f"{few.megabytes:.0f} MB", f"{many.megabytes:.0f} MB", f"{ratios[-1]:.2f}"]
        rows.append(["lines" if kind == "txt" else kind, f"{many.rows:,}", speed, f"{many.seconds:.1f} s", *memory])
    few_rows = next(iter(found.values()))[0].rows
    headings = ["", "rows", "rows a second", "time", f"peak memory, {few_rows:,} rows", "peak memory, all", "ratio"]
    return f"{markdown_table(headings, rows)}\n\nthe largest ratio may be {LIMIT}", max(ratios)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("exports/static"), help="a model's folder (exports/static)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="how many rows (1000000)")
    try:
        options = parser.parse_args()
        table, worst = render(compare(options.model, options.rows))
    except GraftError as error:
        sys.exit(f"graft: streaming: {error}")
    print(table)
    sys.exit(1 if worst > LIMIT else 0)


if __name__ == "__main__":
    main()
