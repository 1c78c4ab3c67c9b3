"""``python -m benchmarks.strategies``: what each way of tuning the teacher reaches, and what it costs.

The first teacher of params.yaml (``--teacher`` names another) is fine-tuned in each way, with ``finetune``'s settings
but for what the way itself changes, in a process of its own. Prints macro-F1 on validation, where the checkpoint was
chosen, and on test, with bootstrap intervals over the texts; the time of the training with its looks at validation; the
most memory that the process held until then, on a GPU the most that its tensors took there; and how many values learn.
``--texts 200`` trains on so many texts drawn at random, to see it work. One seed, the teacher's: the intervals hold the
chance in the texts alone.

Results are kept in ``.bench/strategies`` by all that they depend on, so a killed run goes on with what is missing.
Needs what ``dvc repro tokenize@NAME fetch_model@NAME`` makes.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.scratch import scratch_folder
from benchmarks.tables import markdown_table, seconds
from pipeline.artifacts import read_json, required, write_json
from pipeline.errors import GraftError
from pipeline.params import Params, load_params
from pipeline.report.numbers import megabytes, score, size
from pipeline.settings.teachers import TeacherConfig
from pipeline.settings.tuning import TeacherTuning
from pipeline.training.checkpoints import checkpoint_folder
from pipeline.training.machine import THREADS

# What learns little wants a higher rate: ten times finetune's for adapters (Hu et al. 2021), more for a head alone.
STRATEGIES: dict[str, dict[str, Any]] = {
    "full": {},
    "frozen layers": {"frozen_layers": 2},
    "head only": {"head_only": True, "learning_rate": 2.0e-3},
    "layer decay": {"layer_decay": 0.9},
    "gradual unfreezing": {"unfreezing": 0.5},
    "unfreezing and decay": {"unfreezing": 0.5, "layer_decay": 0.9},
    "LoRA": {"lora": {"rank": 8, "alpha": 16.0}, "learning_rate": 5.0e-4},
    "attention pooling": {"pooling": "attention"},
    "first token": {"pooling": "first"},
    "class weights": {"class_weights": "balanced"},
    "focal loss": {"loss": "focal", "gamma": 2.0},
    "early stopping": {"patience": 1},
}


@dataclass(frozen=True)
class Job:
    """What a worker does, written as JSON for its process: ``teacher`` tuned in its way, on ``texts`` training texts.

    ``result`` is the file that it writes.
    """

    teacher: dict[str, Any]
    finetune: dict[str, Any]
    evaluate: dict[str, Any]
    texts: int | None
    result: str


def main() -> None:
    """Read the command line, tune what is missing, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.strategies", description="What each tuning gives.")
    parser.add_argument("--teacher", help="of params.yaml; the first without it")
    parser.add_argument("--texts", type=int, help="training texts, drawn at random; all without it")
    parser.add_argument(
        "--strategies", type=_names, help=f"such as 'full,LoRA'; all without it: {', '.join(STRATEGIES)}"
    )
    options = parser.parse_args()
    try:
        params = load_params()
        name = options.teacher or next(iter(params.teachers))
        teacher: TeacherConfig = params.section("teachers", name)
        chosen = choose_strategies(options.strategies)
        found = {}
        for strategy, tuning in chosen.items():
            found[strategy] = _result(strategy, plan_job(teacher, tuning, params, options.texts))
    except GraftError as error:
        sys.exit(f"graft: strategies: {error}")
    texts = "all" if options.texts is None else str(options.texts)
    print(f"{name}, {texts} training texts, seed {teacher.seed}, {describe()}\n")
    print(build_table(found))


def choose_strategies(names: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    """Return what ``names`` asks for, in that order, all without names; raise GraftError for one that is none."""
    for name in names or ():
        if name not in STRATEGIES:
            raise GraftError(f"--strategies has {name!r}; allowed: {', '.join(STRATEGIES)}")
    return {name: STRATEGIES[name] for name in (STRATEGIES if names is None else names)}


def plan_job(teacher: TeacherConfig, tuning: Mapping[str, Any], params: Params, texts: int | None) -> Job:
    """The job of ``teacher`` tuned so; its result's name changes with all that could change it."""
    if texts is not None and texts < 1:
        raise GraftError(f"--texts is {texts}: must be at least 1")
    own = teacher.model_copy(update={"tuning": TeacherTuning.model_validate(tuning)}).model_dump()
    finetune, evaluate = params.finetune.model_dump(), params.evaluate.model_dump()
    read = [*inputs(teacher), Path(__file__), Path(__file__).with_name("strategies_worker.py")]
    for path in read:
        required(path)
    place = checkpoint_folder("strategies", {"told": [own, finetune, evaluate, texts]}, read).name
    return Job(own, finetune, evaluate, texts, str(scratch_folder("strategies") / f"{place}.json"))


def inputs(teacher: TeacherConfig) -> list[Path]:
    """What a worker reads: the pretrained model, token tables, the tokenizer, the labels and the test texts."""
    tokens, prepared = Path("data/tokenized") / teacher.tokenizer, Path("data/prepared")
    tables = [tokens / each for each in ("train.arrow", "validation.arrow", "tokenizer")]
    return [
        Path("models/pretrained") / teacher.pretrained,
        *tables,
        prepared / "labels.json",
        prepared / "test.parquet",
    ]


def build_table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """One line a strategy, of what its worker found."""
    headings = ["strategy", "validation", "test", "time", "memory", "learning", "steps", "best"]
    lines = [
        [
            strategy,
            *(_interval(result[split]) for split in ("validation", "test")),
            seconds(result["seconds"]),
            megabytes(result["memory"]),
            size(result["trained_parameters"]),
            str(result["steps"]),
            str(result["best_step"]),
        ]
        for strategy, result in found.items()
    ]
    return markdown_table(headings, lines)


def _interval(figures: Sequence[float]) -> str:
    value, low, high = figures
    return f"{score(value)} ({score(low)} to {score(high)})"


def _result(strategy: str, job: Job) -> dict[str, Any]:
    target = Path(job.result)
    if not target.exists():
        write_json(target.with_suffix(".job"), asdict(job))
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        log = target.with_suffix(".log")
        with log.open("wb") as stream:
            command = [sys.executable, "-m", "benchmarks.strategies_worker", str(target.with_suffix(".job"))]
            done = subprocess.run(command, env=environment, stdout=stream, stderr=stream, check=False)
        if done.returncode:
            raise GraftError(f"{strategy} ended with status {done.returncode}; its reason is at the end of {log}")
        print(f"{strategy}: {seconds(read_json(target)['seconds'])}", file=sys.stderr)
    result: dict[str, Any] = read_json(target)
    return result


def describe() -> str:
    """The GPU's name, or the number of threads that a worker computes in."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{os.environ.get('OMP_NUM_THREADS') or THREADS} threads"


def _names(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


if __name__ == "__main__":
    main()
