"""What it costs to find out that nothing is to be done: ``dvc repro`` beside ``dvc status``, after a finished run.

    python -m benchmarks.noop --rounds 5

Both are called in turn, round by round, so that what else the machine does falls on both alike; the medians count.
Status 1 if something would rerun (then nothing is run), or if the ratio is above 1.5.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.tables import markdown_table
from pipeline.errors import GraftError
from pipeline.why import find_changes

LIMIT = 1.5


def measure(words: Sequence[str]) -> float:
    """Return the seconds that a DVC command takes; GraftError if it fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - began
    if done.returncode or "Running stage" in done.stdout:
        raise GraftError(f"dvc {words[0]} was to do nothing and did not: {(done.stderr or done.stdout).strip()[-300:]}")
    return taken


def compare(rounds: int) -> tuple[list[float], list[float]]:
    """Time ``dvc repro`` and ``dvc status`` in turn, after one of each that is not counted."""
    if changes := find_changes([]):
        raise GraftError(f"{changes[0].stage} would rerun, and {len(changes) - 1} more; finish with `dvc repro` first")
    times: dict[str, list[float]] = {"repro": [], "status": []}
    for _ in range(rounds + 1):
        for command, taken in times.items():
            taken.append(measure([command]))
    return times["repro"][1:], times["status"][1:]


def render(repro: Sequence[float], status: Sequence[float]) -> tuple[str, float]:
    """Return the table, and the ratio of the medians."""
    ratio = median(repro) / median(status)
    rows = [
        [name, f"{median(times):.2f} s", f"{min(times):.2f} s", f"{max(times):.2f} s"]
        for name, times in (("`dvc repro`, nothing to do", repro), ("`dvc status`", status))
    ]
    table = markdown_table(["", "median", "least", "most"], rows)
    return f"{table}\n\nratio of the medians over {len(repro)} rounds: {ratio:.2f} (at most {LIMIT})", ratio


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.noop", description="The time of a no-op `dvc repro`.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is called (5)")
    try:
        table, ratio = render(*compare(parser.parse_args().rounds))
    except GraftError as error:
        sys.exit(f"graft: noop: {error}")
    print(table)
    sys.exit(1 if ratio > LIMIT else 0)


if __name__ == "__main__":
    main()
