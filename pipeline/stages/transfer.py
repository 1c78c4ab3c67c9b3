"""``python -m pipeline.stages.transfer NAME``: a student learns from the teachers' stored signals.

Reads ``budget``, ``transfer``, ``teachers``, ``students.NAME``, the signals that the student learns from (the teachers'
in ``signals/``, or those of a later round, in which students teach, too), what its weights start from (the teachers and
what they say of its vocabulary, or a model that was pretrained for it), and the token tables of the transfer set and of
the training texts, whose labels only the loss ``gold`` reads. Writes ``models/students/NAME/``: weights, configuration,
tokenizer, ``curve.csv``, ``training.json``. Labelled validation texts choose the checkpoint, whichever phase it lies
in. A killed run goes on from its last checkpoint.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from pipeline.artifacts import read_array, read_json, read_parquet
from pipeline.models.registry import load_model, student
from pipeline.models.student import StudentModel
from pipeline.settings.base import TEACHERS
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.students import BudgetConfig, StudentConfig
from pipeline.settings.teachers import TeacherConfig
from pipeline.settings.transfer import TransferConfig
from pipeline.stages.entry import run
from pipeline.task import task_of
from pipeline.tokens.batches import Signal
from pipeline.tokens.encoding import load_tokenizer
from pipeline.tokens.table import TokenTable, read_tokens
from pipeline.training.checkpoints import unfinished_work
from pipeline.training.folder import publish_model
from pipeline.training.machine import seed_everything
from pipeline.training.start import start_near
from pipeline.training.together import say
from pipeline.training.trainer import train
from pipeline.transfer.layers import copy_layers
from pipeline.transfer.lesson import build_lesson, needed_signals
from pipeline.transfer.pretrained_start import start_from
from pipeline.transfer.signals import (
    AlignedTokens,
    TeacherSignals,
    average_logits,
    check_rows,
    gold_labels,
    join_pooled,
)
from pipeline.transfer.voices import voices
from pipeline.transfer.warm_start import warm_start

LABELS = Path("data/prepared/labels.json")


class Settings(Sections):
    """What this stage reads of params.yaml."""

    teachers: dict[str, TeacherConfig]
    budget: BudgetConfig
    transfer: TransferConfig
    students: dict[str, StudentConfig]


def main(name: str) -> None:
    """Train the student ``name`` on the teachers' signals."""
    params = read_sections(Settings)
    settings: StudentConfig = params.section("students", name)
    budget = settings.budget.applied_to(params.budget)
    tokens = Path("data/tokenized") / settings.tokenizer
    tables = {"train": read_tokens(tokens / "transfer.arrow"), "validation": read_tokens(tokens / "validation.arrow")}
    tokenizer = load_tokenizer(tokens / "tokenizer")
    task = task_of(read_json(LABELS))
    taught = voices(settings.learns_from, params.teachers)
    signals = _signals(params, taught, tokens, tables["train"])
    seed_everything(budget.seed)
    model = student(settings.architecture, settings.config, tokenizer, task.labels, task.pairs)
    task.describe(model.config)
    start_near(model, np.asarray(signals["teacher_logits"]))
    copied = _start(model, params, settings, tokenizer) if params.transfer.warm_start else 0
    say(f"transfer@{name}: {copied:,} of {model.num_parameters():,} weights start from {settings.start}")
    lesson = build_lesson(model, params.transfer.phases, signals, budget.steps, settings.tuning)
    # The order of the teachers is that of their vectors side by side.
    pad, at = tokenizer.pad_token_id, (budget.steps, budget.evaluations, budget.seed)
    told = {"budget": budget, "transfer": params.transfer, "student": settings, "of": [*params.teachers.items()]}
    with unfinished_work(f"transfer@{name}", told, _inputs(params, settings, taught, tokens)) as work:
        trained = train(model, tables, pad, budget, *at, lesson, work, settings.tuning)
        publish_model(Path("models/students") / name, trained, tokenizer)
    say(f"transfer@{name}: {trained.course}")


def _inputs(params: Settings, settings: StudentConfig, taught: Mapping[str, Path], tokens: Path) -> list[Path]:
    teachers = [*taught.values()]
    if settings.start == TEACHERS:
        teachers += [Path(TEACHERS) / teacher for teacher in params.teachers]
    else:
        teachers.append(Path(settings.start))
    tables = [tokens / each for each in ("transfer.arrow", "train.arrow", "validation.arrow", "tokenizer")]
    return [*teachers, *tables, Path("models/vocabulary") / tokens.name, LABELS]


def _start(
    model: PreTrainedModel, params: Settings, settings: StudentConfig, tokenizer: PreTrainedTokenizerFast
) -> int:
    if settings.start != TEACHERS:
        return start_from(model, Path(settings.start))
    if not isinstance(model, StudentModel):
        folders = [Path(TEACHERS) / teacher for teacher in params.teachers]
        same = [load_tokenizer(folder).get_vocab() == tokenizer.get_vocab() for folder in folders]
        return copy_layers(model, [load_model(folder) for folder in folders], same)
    folder = Path("models/vocabulary") / settings.tokenizer
    return warm_start(model, read_array(folder / "vectors.npy"), read_array(folder / "counts.npy"))


def _signals(params: Settings, taught: Mapping[str, Path], tokens: Path, table: TokenTable) -> dict[str, Signal]:
    needed = needed_signals(params.transfer.phases)
    teachers = [_read_signals(*each) for each in taught.items()]
    check_rows(teachers, table.ids)
    labelled = read_tokens(tokens / "train.arrow")
    assert labelled.labels is not None
    signals: dict[str, Signal] = {
        "gold": gold_labels(table.ids, labelled.ids, labelled.labels),
        "teacher_logits": average_logits(teachers),
    }
    if "teacher_pooled" in needed:
        signals["teacher_pooled"] = join_pooled(teachers)
    if "teacher_tokens" in needed:
        states = [(read_tokens(each / "tokens.arrow"), read_array(each / "tokens.npy")) for each in taught.values()]
        signals["teacher_tokens"] = AlignedTokens(table, states)
    return signals


def _read_signals(teacher: str, folder: Path) -> TeacherSignals:
    ids = read_parquet(folder / "ids.parquet")["id"]
    return TeacherSignals(teacher, ids, read_array(folder / "logits.npy"), read_array(folder / "pooled.npy"))


if __name__ == "__main__":
    run(main, distributed=True)
