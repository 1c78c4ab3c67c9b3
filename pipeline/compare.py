"""``python -m pipeline.compare ONE OTHER``: two runs compared in the order of the pipeline; what differs first.

ONE and OTHER are two clones after ``dvc repro``, or two folders that hold outputs as clones do. Files are compared
byte by byte and, where these differ, by their values: weights tensor by tensor, tables column by column, figures one
by one. ``--tolerance`` is how far two numbers may lie apart and still count as equal (0: not at all); a label that
flips is a difference whatever it is.

Exit status: 0 if all is equal within the tolerance, 1 if something differs, 2 if it cannot be told.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import GraftError
from pipeline.lineage.differences import Difference, compare_bytes, compare_files
from pipeline.lineage.settings import iter_changes

# What a run consists of, in the order in which one thing follows from another.
PARTS = (
    ("settings", ["params.yaml"]),
    ("code", ["dvc.yaml", "pipeline"]),
    ("input", ["data/raw", "models/pretrained"]),
    ("prepared text", ["data/prepared"]),
    ("tokenizers", ["data/tokenized/*/tokenizer"]),
    ("tokens", ["data/tokenized"]),
    ("teachers", ["models/teacher"]),
    ("signals", ["signals", "models/vocabulary"]),
    ("students", ["models/students"]),
    ("controls", ["models/controls"]),
    ("predictions", ["predictions"]),
    ("exports", ["exports"]),
    ("metrics", ["metrics"]),
    ("report", ["report"]),
)
# Text as it came: no reader of tables may take `01` for `1`, or `NA` for nothing.
AS_IT_CAME = "data/raw/"
SKIPPED = re.compile(r"(^|/)(__pycache__|\..*)(/|$)")


@dataclass(frozen=True)
class Part:
    """One part of the runs: its files, how many are the same to the byte, and those that are not."""

    name: str
    files: int
    identical: int
    differences: dict[str, Difference]

    def beyond(self, tolerance: float) -> dict[str, Difference]:
        """Return what differs by more than ``tolerance``."""
        return {name: found for name, found in self.differences.items() if found.largest > tolerance}


def main() -> None:
    """Read the command line and print the comparison."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.compare", description="What differs between two runs.")
    parser.add_argument("one", type=Path, help="a clone after `dvc repro`, or a folder of outputs")
    parser.add_argument("other", type=Path, help="another")
    parser.add_argument("--tolerance", type=float, default=0.0, help="largest difference of equal numbers (0)")
    options = parser.parse_args()
    try:
        parts = compare_runs(options.one, options.other)
    except GraftError as error:
        print(f"graft: compare: {error}", file=sys.stderr)
        sys.exit(2)
    print(render(parts, options.tolerance))
    sys.exit(1 if any(part.beyond(options.tolerance) for part in parts) else 0)


def compare_runs(one: Path, other: Path) -> list[Part]:
    """Compare all parts that either folder has; GraftError if a folder has none."""
    for folder in (one, other):
        if not any(_find(folder, paths, set()) for _, paths in PARTS):
            raise GraftError(
                f"{folder} holds no run: no params.yaml, no models, no metrics; name a clone of the project"
            )
    parts, seen = [], set[str]()
    for name, paths in PARTS:
        here, there = (_find(folder, paths, seen) for folder in (one, other))
        files = sorted({*here, *there})
        seen |= set(files)
        found = {file: _compare(name, file, one / file, other / file) for file in files}
        differences = {file: difference for file, difference in found.items() if difference is not None}
        if files:
            parts.append(Part(name, len(files), len(files) - len(differences), differences))
    return parts


def _find(folder: Path, patterns: Sequence[str], seen: set[str]) -> list[str]:
    paths = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    files = [file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
    names = dict.fromkeys(file.relative_to(folder).as_posix() for file in files)
    return [name for name in names if name not in seen and not SKIPPED.search(name)]


def _compare(part: str, file: str, one: Path, other: Path) -> Difference | None:
    missing = [path for path in (one, other) if not path.exists()]
    if missing:
        return Difference(f"is missing from {'one' if missing[0] == one else 'the other'}", float("inf"))
    if part != "settings":
        return compare_bytes(one, other) if file.startswith(AS_IT_CAME) else compare_files(one, other)
    try:
        values = [YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) for path in (one, other)]
    except (YAMLError, ValueError):
        return compare_bytes(one, other)
    changes = list(iter_changes(*values))
    more = f" (and {len(changes) - 1} more)" if len(changes) > 1 else ""
    return Difference(f"{changes[0]}{more}", float("inf")) if changes else None


def render(parts: Sequence[Part], tolerance: float) -> str:
    """Return a line a part, the files that differ below it, and what differs first."""
    lines = []
    first = ""
    for part in parts:
        beyond = part.beyond(tolerance)
        near = len(part.differences) - len(beyond)
        counts = [f"{part.identical} identical", f"{near} within {tolerance:g}" if near else ""]
        counts += [f"{len(beyond)} differ" if beyond else ""]
        lines.append(f"{part.name}: {part.files} files: {', '.join(count for count in counts if count)}")
        lines += [f"  {line}" for line in _named(beyond)]
        if beyond and not first:
            name, difference = next(iter(beyond.items()))
            first = f"First difference: {part.name}: {name}: {difference.what}"
    return "\n".join([*lines, first or ("Equal." if not tolerance else f"Equal within {tolerance:g}.")])


def _named(differences: dict[str, Difference], most: int = 5) -> Iterator[str]:
    for name, difference in list(differences.items())[:most]:
        yield f"{name}: {difference.what}"
    if len(differences) > most:
        yield f"and {len(differences) - most} more"


if __name__ == "__main__":
    main()
