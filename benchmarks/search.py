"""``python -m benchmarks.search STAGE KEY=SPACE ...``: settings that validation likes best.

STAGE is ``finetune@NAME``, ``transfer@NAME`` or ``control@NAME``; ``benchmarks.space`` has the grammar of spaces:

    python -m benchmarks.search finetune@minilm --trials 8 "finetune.learning_rate=log(1e-5..1e-4)" \\
        "teachers.minilm.tuning.layer_decay=choice(0.8,0.9,1.0)"
    python -m benchmarks.search transfer@bilstm "students.bilstm.config.hidden_size=choice(64,128)"

Prints the trials, best first, by the validation score that chose their checkpoints, beside the settings of
params.yaml as they stand. Each trial is one DVC experiment (``dvc exp run --temp``) of that stage alone, in a folder of
its own: what lies before the stage comes from the last ``dvc repro``, nothing after it is run, and the test split is
not read. What is finished is kept: a search that was killed, or that is asked for more trials, runs what is missing. A
trial that fails is named and left out. The last line says how to take the best over.

The best of many scores on one validation split is too good: measure what you take on the test split once, at the end.
"""

import argparse
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from benchmarks.grid import to_overrides
from benchmarks.space import Trial, draw_trials, parse_space
from benchmarks.tables import markdown_table
from pipeline.errors import GraftError
from pipeline.params import Params, load_params
from pipeline.report.numbers import NOTHING, score

# Of each stage: the section that its models' names come from, where they lie, and the settings that it alone reads.
STAGES = {
    "finetune": ("teachers", "models/teacher", ("finetune.", "teachers.{}.")),
    "transfer": ("students", "models/students", ("budget.", "transfer.", "students.{}.")),
    "control": ("students", "models/controls", ("budget.", "students.{}.")),
}


@dataclass(frozen=True)
class Plan:
    """One trial: its settings, none for those of params.yaml, what DVC is given, and the experiment's name."""

    trial: Trial
    overrides: list[str]
    name: str


@dataclass(frozen=True)
class Outcome:
    """What a finished trial reached on validation, and after which step."""

    plan: Plan
    score: float
    step: int


def main() -> None:
    """Read the command line, run what is missing, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description="Settings that validation likes.")
    parser.add_argument("stage", help="finetune@NAME, transfer@NAME or control@NAME")
    parser.add_argument(
        "space", nargs="+", metavar="KEY=SPACE", help="such as 'finetune.learning_rate=log(1e-5..1e-4)'"
    )
    parser.add_argument("--trials", type=int, help="how many; all of a grid without it")
    parser.add_argument("--seed", type=int, default=0, help="of the drawing; 0 without it")
    parser.add_argument("--table", action="store_true", help="run nothing, print what there is")
    options = parser.parse_args()
    try:
        with settled_workspace():
            params, decisive = load_params(), read_decisive()
        metric = check_search(options.stage, options.space, params)
        trials = [{}, *draw_trials(parse_space(options.space), options.trials, options.seed)]
        plans = [make_plan(options.stage, trial, decisive) for trial in trials]
        if not options.table:
            _run_missing(options.stage, plans, params, decisive)
        outcomes = _read_outcomes(options.stage, plans, metric)
    except GraftError as error:
        sys.exit(f"graft: search: {error}")
    print(f"Validation {metric} of {options.stage}, {len(outcomes)} of {len(plans)} trials\n")
    print(build_table(outcomes, metric))
    if outcomes:
        print(f"\n{how_to_take(sort_outcomes(outcomes, metric)[0].plan)}")


def check_search(stage: str, words: Sequence[str], params: Params) -> str:
    """Return the metric that ``stage`` is judged by.

    Raises GraftError for a stage that does not exist, and for a setting that another stage reads, or that says what is
    measured.
    """
    kind, _, name = stage.partition("@")
    if kind not in STAGES:
        raise GraftError(f"{stage!r} has no validation score; allowed: {', '.join(f'{each}@NAME' for each in STAGES)}")
    section, _, readable = STAGES[kind]
    params.section(section, name)
    allowed = tuple(each.format(name) for each in readable)
    for key in parse_space(words):
        if not key.startswith(allowed):
            raise GraftError(
                f"{key} is not read by {stage} alone; allowed: {', '.join(f'{each}*' for each in allowed)}"
            )
        if key.endswith(".metric"):
            raise GraftError(f"{key} says what is measured, so scores would not compare; leave it out")
    return params.finetune.metric if kind == "finetune" else params.budget.metric


def make_plan(stage: str, trial: Trial, decisive: Mapping[str, bytes]) -> Plan:
    """The experiment of ``trial``; the last part of its name changes with what could change its result."""
    # With ++ a setting is changed or, where params.yaml leaves it out, added.
    overrides = to_overrides({f"++{key}": value for key, value in trial.items()})
    return Plan(trial, overrides, f"search-{stage.replace('@', '-')}-{fingerprint(decisive, [stage, *overrides])}")


def sort_outcomes(outcomes: Sequence[Outcome], metric: str) -> list[Outcome]:
    """Best first."""
    return sorted(outcomes, key=lambda each: each.score, reverse=metric not in ("loss", "rmse"))


def how_to_take(best: Plan) -> str:
    """What to do with the best settings: the stage itself then comes from DVC's cache."""
    if not best.trial:
        return "The settings of params.yaml as they stand are the best of these."
    words = [word for override in best.overrides for word in ("-S", shlex.quote(override))]
    return f"To take the first: .venv/bin/dvc exp run {' '.join(words)}"


def build_table(outcomes: Sequence[Outcome], metric: str) -> str:
    """One line a trial, best first; a setting that a trial leaves as it stands is an en dash."""
    keys = list(dict.fromkeys(key for each in outcomes for key in each.plan.trial))
    lines = [
        [each.plan.name, *(_shown(each.plan.trial, key) for key in keys), score(each.score), str(each.step)]
        for each in sort_outcomes(outcomes, metric)
    ]
    return markdown_table(["trial", *keys, f"validation {metric}", "best step"], lines)


def _shown(trial: Trial, key: str) -> str:
    value: Any = trial.get(key, NOTHING)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _run_missing(stage: str, plans: Sequence[Plan], params: Params, decisive: Mapping[str, bytes]) -> None:
    check_tracked()
    finished = find_experiments()
    for number, plan in enumerate(plans, 1):
        if plan.name in finished:
            continue
        check_unchanged(decisive)
        began = time.monotonic()
        try:
            run_experiment(plan.name, plan.overrides, [stage], params)
        except GraftError as error:
            # A learning rate may be too high; the others are worth having.
            print(f"{number} of {len(plans)}: {error}", file=sys.stderr)
            continue
        print(f"{number} of {len(plans)}: {plan.name}, {time.monotonic() - began:.0f} s", file=sys.stderr)


def _read_outcomes(stage: str, plans: Sequence[Plan], metric: str) -> list[Outcome]:
    kind, _, name = stage.partition("@")
    path = (Path(STAGES[kind][1]) / name / "training.json").as_posix()
    finished = find_experiments()
    outcomes = []
    for plan in plans:
        if plan.name in finished:
            found = read_metrics(plan.name, finished[plan.name], path)
            outcomes.append(Outcome(plan, found[f"best_validation_{metric}"], found["best_step"]))
    return outcomes


if __name__ == "__main__":
    main()
