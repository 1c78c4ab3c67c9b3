"""``python -m pipeline.stages.transfer NAME``: a student learns from the teachers' stored signals.

Reads ``budget``, ``transfer``, ``teachers``, ``students.NAME``, ``signals/``, what the teachers say of
the student's vocabulary, and the transfer set's token table, which has no labels. Writes
``models/students/NAME/``: weights, configuration, tokenizer, ``curve.csv``, ``training.json``. Labelled
validation texts choose the checkpoint.
"""

from pathlib import Path

from pipeline.artifacts import read_array, read_json, read_parquet
from pipeline.models.registry import student
from pipeline.params import load_params
from pipeline.stages.entry import run
from pipeline.tokens.encoding import load_tokenizer
from pipeline.tokens.table import read_tokens
from pipeline.training.folder import publish_model
from pipeline.training.machine import seed_everything
from pipeline.training.trainer import train
from pipeline.transfer.objective import Objective
from pipeline.transfer.signals import TeacherSignals, average_logits
from pipeline.transfer.warm_start import warm_start


def main(name: str) -> None:
    """Train the student ``name`` on the teachers' signals."""
    params = load_params()
    settings, budget = params.section("students", name), params.budget_of(name)
    tokens = Path("data/tokenized") / settings.tokenizer
    tables = {"train": read_tokens(tokens / "transfer.arrow"), "validation": read_tokens(tokens / "validation.arrow")}
    signals = [_read_signals(teacher) for teacher in params.teachers]
    teacher_logits = average_logits(signals, tables["train"].ids)
    tokenizer = load_tokenizer(tokens / "tokenizer")
    labels = read_json(Path("data/prepared/labels.json"))["labels"]
    seed_everything(budget.seed)
    model = student(settings.architecture, settings.config, tokenizer, labels)
    if params.transfer.warm_start:
        vocabulary = Path("models/vocabulary") / settings.tokenizer
        warm_start(model, read_array(vocabulary / "vectors.npy"), read_array(vocabulary / "counts.npy"))
    trained = train(
        model,
        tables,
        tokenizer.pad_token_id,
        budget,
        budget.steps,
        budget.evaluations,
        budget.seed,
        Objective(params.transfer.losses),
        {"teacher_logits": teacher_logits},
    )
    publish_model(Path("models/students") / name, trained, tokenizer)


def _read_signals(teacher: str) -> TeacherSignals:
    folder = Path("signals") / teacher
    return TeacherSignals(teacher, read_parquet(folder / "ids.parquet")["id"], read_array(folder / "logits.npy"))


if __name__ == "__main__":
    run(main)
