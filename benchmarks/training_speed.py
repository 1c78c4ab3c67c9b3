"""``python -m benchmarks.training_speed``: rows a second of each student's training, and where the time goes.

Every student of params.yaml learns the logits of the first teacher from the real token tables, with its own batch
size and precision, for ``--steps`` steps after some to warm up. ``outside`` is the share of the time that passes
outside forward, backward and optimiser: reading and padding rows, Trainer's own bookkeeping. Beside it, in the same
run, a plain ``Trainer`` on the same student and rows as the documentation of transformers has it: a ``Dataset`` of
datasets, ``DataCollatorWithPadding``, ``train_sampling_strategy="group_by_length"``, dense gradients.

The share is right on a CPU; a GPU works on after it was asked, which the clock does not see.
Needs the outputs of ``dvc repro``.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import datasets
import numpy as np
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from transformers import DataCollatorWithPadding, PreTrainedModel, Trainer, TrainingArguments
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from benchmarks.distillation import check_task
from benchmarks.tables import markdown_table, ratio
from pipeline.artifacts import read_array, read_json
from pipeline.errors import GraftError
from pipeline.models.registry import student
from pipeline.params import Params, load_params
from pipeline.report.numbers import count, percent
from pipeline.settings.students import BudgetConfig, StudentConfig
from pipeline.settings.transfer import LossConfig, PhaseConfig
from pipeline.tokens.encoding import load_tokenizer
from pipeline.tokens.table import TokenTable, read_tokens, slice_rows
from pipeline.training.machine import device, seed_everything, use_bf16
from pipeline.training.trainer import train
from pipeline.transfer.lesson import build_lesson

WARM_UP = 20


@dataclass
class Clock:
    """Times of the steps that count: those after the first ``skipped``.

    A step's work is Trainer's ``training_step`` (forward and backward) and the optimiser's ``step``.
    """

    skipped: int
    steps: int = 0
    began: float = 0.0
    ended: float = 0.0
    inside: float = 0.0
    depth: int = 0
    entered: float = field(default=0.0, repr=False)

    @property
    def outside(self) -> float:
        """The share of the time that was no work."""
        return 1 - self.inside / (self.ended - self.began)

    def rows_per_second(self, batch_size: int) -> float:
        """Rows of the counted steps by their time."""
        return (self.steps - self.skipped) * batch_size / (self.ended - self.began)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch the Trainer that trains inside the block."""
        step = Trainer.training_step

        def training_step(trainer: Trainer, *arguments: Any, **options: Any) -> torch.Tensor:
            now = time.perf_counter()
            if self.steps == self.skipped:
                self.began = now
            loss: torch.Tensor = step(trainer, *arguments, **options)
            self._count(time.perf_counter() - now)
            return loss

        hooks = [register_optimizer_step_pre_hook(self._enter), register_optimizer_step_post_hook(self._leave)]
        try:
            with patch.object(Trainer, "training_step", training_step):
                yield
        finally:
            for hook in hooks:
                hook.remove()

    def _enter(self, *_: Any) -> None:
        # An optimiser may step others inside its own step; the outermost counts.
        self.depth += 1
        if self.depth == 1:
            self.entered = time.perf_counter()

    def _leave(self, *_: Any) -> None:
        self.depth -= 1
        if self.depth == 0:
            now = time.perf_counter()
            self._count(now - self.entered)
            self.steps += 1
            self.ended = now

    def _count(self, duration: float) -> None:
        if self.steps >= self.skipped:
            self.inside += duration


@dataclass(frozen=True)
class Material:
    """What a student is trained on: its settings, its tokens, the teacher's logits of every row (N, labels)."""

    name: str
    budget: BudgetConfig
    table: TokenTable
    validation: TokenTable
    logits: np.ndarray
    tokenizer: Any
    build: Callable[[], PreTrainedModel]


class PlainTrainer(Trainer):
    """What one writes first: the mean squared difference of logits as the loss, everything else Trainer's own."""

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *_: Any, **__: Any) -> torch.Tensor:
        """Return the loss of a batch with its ``teacher_logits``."""
        teacher = inputs.pop("teacher_logits")
        return nn.functional.mse_loss(model(**inputs).logits.float(), teacher)


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_speed", description="Rows a second.")
    parser.add_argument("--students", help="such as bilstm,textcnn; all of params.yaml without it")
    parser.add_argument("--steps", type=int, default=200, help="measured, after the warm-up; 200 without it")
    options = parser.parse_args()
    disable_progress_bar()
    set_verbosity_error()
    try:
        params = load_params()
        check_task(params)
        names = options.students.split(",") if options.students else list(params.students)
        # Trainer prints what it logs; the table alone goes to stdout.
        with redirect_stdout(sys.stderr):
            lines = [_line(load_material(params, name), options.steps) for name in names]
    except GraftError as error:
        sys.exit(f"graft: training_speed: {error}")
    print(f"{options.steps} steps each; {torch.get_num_threads()} threads of {os.cpu_count()} cores\n")
    headings = ["", "batch", "precision", "Graft, rows/s", "outside", "plain Trainer, rows/s", "outside", "ratio"]
    print(markdown_table(headings, lines))


def load_material(params: Params, name: str) -> Material:
    """Read what the stages have stored for the student ``name``."""
    settings: StudentConfig = params.section("students", name)
    budget = settings.budget.applied_to(params.budget)
    tokens = Path("data/tokenized") / settings.tokenizer
    tokenizer = load_tokenizer(tokens / "tokenizer")
    labels = read_json(Path("data/prepared/labels.json"))["labels"]

    def build() -> PreTrainedModel:
        seed_everything(budget.seed)
        return student(settings.architecture, settings.config, tokenizer, labels)

    return Material(
        name,
        budget,
        read_tokens(tokens / "transfer.arrow"),
        read_tokens(tokens / "validation.arrow"),
        read_array(Path("signals") / next(iter(params.teachers)) / "logits.npy"),
        tokenizer,
        build,
    )


def time_graft(material: Material, steps: int) -> Clock:
    """Train the student as stage ``transfer`` does."""
    clock, model, total = Clock(WARM_UP), material.build(), WARM_UP + steps
    signals = {"gold": np.full(len(material.table), -100, np.int64), "teacher_logits": material.logits}
    lesson = build_lesson(model, [PhaseConfig(losses=[LossConfig(name="logits_mse")])], signals, total)
    tables = {"train": material.table, "validation": material.validation}
    budget, pad = material.budget, material.tokenizer.pad_token_id
    with clock.running():
        train(model, tables, pad, budget, total, evaluations=1, seed=budget.seed, lesson=lesson)
    return clock


def time_plain(material: Material, steps: int) -> Clock:
    """Train the same student on rows of the same table with a plain Trainer."""
    clock, model, total = Clock(WARM_UP), material.build(), WARM_UP + steps
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            # Trainer's own optimiser takes dense gradients only.
            module.sparse = False
    with tempfile.TemporaryDirectory(prefix="graft-") as folder, clock.running():
        PlainTrainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=material.budget.batch_size,
                max_steps=total,
                learning_rate=material.budget.learning_rate,
                bf16=use_bf16(material.budget.precision),
                use_cpu=device().type == "cpu",
                train_sampling_strategy="group_by_length",
                remove_unused_columns=False,
                logging_steps=total,
                save_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=plain_dataset(material, total * material.budget.batch_size),
            data_collator=DataCollatorWithPadding(material.tokenizer),
        ).train()
    return clock


def plain_dataset(material: Material, rows: int) -> datasets.Dataset:
    """Rows spread evenly over the table, as many as are read or as there are, one list of tokens each."""
    chosen = np.unique(np.linspace(0, len(material.table) - 1, min(rows, len(material.table))).astype(np.int64))
    table = slice_rows(material.table, chosen)
    tokens = [ids.tolist() for ids in np.split(table.input_ids, table.offsets[1:-1])]
    columns = {
        "input_ids": tokens,
        "attention_mask": [[1] * len(ids) for ids in tokens],
        "teacher_logits": list(material.logits[chosen]),
    }
    return datasets.Dataset.from_dict(columns)


def _line(material: Material, steps: int) -> Sequence[str]:
    batch, precision = material.budget.batch_size, "bf16" if use_bf16(material.budget.precision) else "fp32"
    graft, plain = time_graft(material, steps), time_plain(material, steps)
    rates = graft.rows_per_second(batch), plain.rows_per_second(batch)
    shares = percent(graft.outside), percent(plain.outside)
    figures = [count(round(rates[0])), shares[0], count(round(rates[1])), shares[1], ratio(rates[0] / rates[1])]
    return [material.name, str(batch), precision, *figures]


if __name__ == "__main__":
    main()
