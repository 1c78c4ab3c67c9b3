"""``python -m benchmarks.ablation``: what each ingredient of the transfer is worth, over several seeds.

Prints mean and standard deviation of the test macro-F1 (of numbers Pearson's r) of every student in every row of
``benchmarks.grid``, then the retention (share of the teachers' score) of every row that learns from them, with the
lowest bound of a seed's 95 % interval of the gain over the control of the same seed.
``make ablation ARGS="--seeds 13,14"`` is the same. Each row and seed is one DVC experiment
(``dvc exp run --temp``), seen with ``dvc exp show``: it runs in a folder of its own from the tracked files as they
lie in the workspace, committed or not, shares DVC's cache, and leaves the workspace's results alone. What several
rows or seeds have in common, the teachers first of all, runs once. A killed run goes on where it stopped.

Limits: the seed is that of the students (``budget.seed``: initialisation, dropout, order of the rows); teachers and
transfer set stay the same. A tokenizer trained here sees the training texts alone until the row
``+ transfer set``. ``dvc repro`` must have been run, and files that git does not know take no part. A change of
code, of params.yaml or of dvc.lock begins new experiments, which take stages that did not change from the cache.
The experiments' models stay in DVC's cache until ``dvc exp remove`` and ``dvc gc``.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.experiments import (
    check_tracked,
    check_unchanged,
    find_experiments,
    fingerprint,
    read_decisive,
    read_metrics,
    run_experiment,
    settled_workspace,
)
from benchmarks.grid import Row, build_grid, to_overrides
from benchmarks.tables import markdown_table, mean_and_spread
from pipeline.artifacts import required, write_json
from pipeline.errors import GraftError
from pipeline.evaluation.measures import measure_of
from pipeline.params import Params, load_params
from pipeline.report.numbers import signed_points
from pipeline.task import Task


@dataclass(frozen=True)
class Plan:
    """One experiment: a row with one seed, the students it is about, what DVC is given, and its name."""

    row: Row
    seed: int
    students: tuple[str, ...]
    overrides: list[str]
    targets: list[str]
    name: str


@dataclass(frozen=True)
class Figure:
    """One student's result in one experiment."""

    row: str
    seed: int
    student: str
    score: float
    retention: float | None = None
    gain_low: float | None = None


def main() -> None:
    """Read the command line, run what is missing, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description="What each ingredient is worth.")
    parser.add_argument("--students", type=_names, help="such as bilstm,textcnn; all of params.yaml without it")
    parser.add_argument("--rows", type=_names, help="names of rows, such as control,logits; all without it")
    parser.add_argument("--seeds", type=_numbers, default=[13, 14, 15], help="of the students; 13,14,15 without it")
    parser.add_argument("--table", action="store_true", help="run nothing, print what there is")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    try:
        with settled_workspace():
            params, decisive = load_params(), read_decisive()
        students = tuple(options.students or params.students)
        for name in students:
            params.section("students", name)
        rows = choose_rows(build_grid(params), options.rows)
        plans = [make_plan(row, seed, students, decisive) for row in rows for seed in options.seeds]
        if not options.table:
            _run_missing(plans, params, decisive)
        measure = measure_of(Task(params.data.task, []))
        figures = read_figures(plans, measure.key)
    except GraftError as error:
        sys.exit(f"graft: ablation: {error}")
    if options.json:
        write_json(options.json, {"figures": [asdict(figure) for figure in figures]})
    print(f"Test {measure.title}, mean ± standard deviation over the seeds {', '.join(map(str, options.seeds))}\n")
    print(build_table(rows, students, figures, len(options.seeds)))
    taught = [row for row in rows if not row.control]
    print("\nRetention, mean ± standard deviation, and the lowest gain_low of a seed in points\n")
    print(build_retention_table(taught, students, figures, len(options.seeds)))


def make_plan(row: Row, seed: int, students: tuple[str, ...], decisive: Mapping[str, bytes]) -> Plan:
    """The experiment of ``row`` with ``seed``; the last part of its name changes with what could change its result."""
    overrides = to_overrides({**row.settings, "budget.seed": seed})
    targets = [f"{'evaluate_control' if row.control else 'evaluate'}@{name}" for name in students]
    name = f"ablation-{row.name}-{seed}-{fingerprint(decisive, [*overrides, *targets])}"
    return Plan(row, seed, students, overrides, targets, name)


def choose_rows(grid: Sequence[Row], names: Sequence[str] | None) -> list[Row]:
    """Return the rows of ``grid`` that ``names`` asks for, all without names, in the order of the grid."""
    known = [row.name for row in grid]
    for name in names or ():
        if name not in known:
            raise GraftError(f"--rows has {name!r}; allowed: {', '.join(known)}")
    return [row for row in grid if names is None or row.name in names]


def build_table(rows: Sequence[Row], students: Sequence[str], figures: Sequence[Figure], seeds: int) -> str:
    """One line a row, one column a student."""
    found = _by_cell(figures)
    cells = [[[each.score for each in found.get((row.name, name), [])] for name in students] for row in rows]
    lines = [
        [row.title, *(mean_and_spread(cell, seeds) for cell in line)] for row, line in zip(rows, cells, strict=True)
    ]
    return markdown_table(["", *students], lines)


def build_retention_table(rows: Sequence[Row], students: Sequence[str], figures: Sequence[Figure], seeds: int) -> str:
    """One line a row, one column a student: retention, and the lowest ``gain_low`` of its seeds."""
    found = _by_cell(figures)
    lines = [[row.title, *(_kept(found.get((row.name, name), []), seeds) for name in students)] for row in rows]
    return markdown_table(["", *students], lines)


def _kept(figures: Sequence[Figure], seeds: int) -> str:
    retention = mean_and_spread([each.retention for each in figures if each.retention is not None], seeds)
    gains = [each.gain_low for each in figures if each.gain_low is not None]
    return f"{retention}, {signed_points(min(gains))}" if gains else retention


def _by_cell(figures: Sequence[Figure]) -> dict[tuple[str, str], list[Figure]]:
    found: dict[tuple[str, str], list[Figure]] = {}
    for figure in figures:
        found.setdefault((figure.row, figure.student), []).append(figure)
    return found


def _run_missing(plans: Sequence[Plan], params: Params, decisive: Mapping[str, bytes]) -> None:
    required(Path("report"))
    check_tracked()
    finished = find_experiments()
    for number, plan in enumerate(plans, 1):
        if plan.name in finished:
            continue
        check_unchanged(decisive)
        began = time.monotonic()
        run_experiment(plan.name, plan.overrides, plan.targets, params)
        print(f"{number} of {len(plans)}: {plan.name}, {time.monotonic() - began:.0f} s", file=sys.stderr)


def read_figures(plans: Sequence[Plan], key: str) -> list[Figure]:
    """Read what the finished ones of ``plans`` reached, of which ``key`` is the score."""
    finished = find_experiments()
    figures = []
    for plan in plans:
        commit = finished.get(plan.name)
        for student in plan.students if commit is not None else ():
            path = f"metrics/{'controls/' if plan.row.control else ''}{student}.json"
            found = read_metrics(plan.name, str(commit), path)
            kept = found.get("retention"), found.get("gain_low")
            figures.append(Figure(plan.row.name, plan.seed, student, found[key], *kept))
    return figures


def _names(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _numbers(text: str) -> list[int]:
    return [int(word) for word in _names(text)]


if __name__ == "__main__":
    main()
