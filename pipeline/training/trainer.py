"""Training with transformers' Trainer: one function for teachers, students and controls."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler
from transformers import (
    PreTrainedModel,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from pipeline.errors import GraftError
from pipeline.evaluation.measures import validation_figures
from pipeline.settings.optimisation import TrainingConfig
from pipeline.settings.tuning import TuningConfig
from pipeline.task import task_of_model
from pipeline.tokens.batches import BatchCollator, Signal, TokenDataset
from pipeline.tokens.table import TokenTable, slice_rows
from pipeline.training.arguments import training_arguments
from pipeline.training.division import DEVICE_BATCH, KINDS, Division
from pipeline.training.machine import device
from pipeline.training.optimizer import build_optimizer, make_embeddings_sparse, sparse_parameters
from pipeline.training.resume import ResumableTrainer
from pipeline.training.sampling import BatchShufflingSampler, PhaseSampler
from pipeline.training.trained import Trained, finish
from pipeline.tuning.gold import GoldLoss, gold_loss
from pipeline.tuning.strategy import Tuned, tune


@dataclass(frozen=True)
class Lesson:
    """What a student learns from in place of its table's labels.

    ``learner`` wraps the student: its output's loss in training is the objective. ``signals`` hold one
    entry per training row; ``pools`` are (steps, row numbers), taken in turn; ``advance`` is told the share
    of the steps done before each of them; ``among`` names the losses that compare the texts of a batch.
    """

    learner: torch.nn.Module
    signals: Mapping[str, Signal]
    pools: Sequence[tuple[int, np.ndarray]]
    advance: Callable[[float], None]
    among: Sequence[str] = ()


class GraftTrainer(ResumableTrainer):
    """Trainer over token tables: batches of texts of like length, from the rows that a lesson asks for.

    ``tuned`` says how fast each weight learns; ``loss`` stands in training in the place of the model's own.
    """

    def __init__(
        self, lesson: Lesson | None, tuned: Tuned | None = None, loss: GoldLoss | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.lesson = lesson
        self.shares = tuned.shares if tuned is not None else {}
        self.gold_loss = loss
        # The models and the objective return the mean over one micro-batch; told so, Trainer divides it by the
        # number of accumulation steps, without which gradients would grow with that number.
        self.model_accepts_loss_kwargs = False

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """Build the optimiser, with sparse updates for the embeddings that ask for them."""
        model = self.model if model is None else model
        optimizer: torch.optim.Optimizer | None = getattr(self, "optimizer", None)
        if optimizer is None:
            decayed = set(self.get_decay_parameter_names(model))
            rates = self.args.learning_rate, self.args.weight_decay
            optimizer = build_optimizer(model, decayed, *rates, self.shares)
            self.optimizer = optimizer
        return optimizer

    def compute_loss(
        self, model: torch.nn.Module, inputs: dict[str, Any], return_outputs: bool = False, **options: Any
    ) -> Any:
        """Return the loss of a batch, and in an evaluation, where it is always the model's own, its outputs."""
        portions = self.portions(inputs)
        if self.lesson is not None and portions is not None:
            # Each loss of the objective counts by what it is a mean over.
            return super().compute_loss(model, inputs | {"portions": portions}, return_outputs, **options)
        if self.gold_loss is None or not model.training:
            loss, outputs = super().compute_loss(model, inputs, return_outputs=True, **options)
        else:
            labels = inputs.pop("labels")
            outputs = model(**inputs)
            loss = self.gold_loss(outputs["logits"], labels)
        if portions is not None:
            loss = loss * portions[KINDS.index("labels")]
        return (loss, outputs) if return_outputs else loss

    def _clip_grad_norm(self, model: torch.nn.Module) -> torch.Tensor | None:
        # A sparse gradient has no norm in torch; rows of an embedding move by Adam's own bounded steps.
        sparse = {id(parameter) for parameter in sparse_parameters(model)}
        dense = [parameter for parameter in model.parameters() if id(parameter) not in sparse]
        norm: torch.Tensor | None = self.accelerator.clip_grad_norm_(dense, self.args.max_grad_norm)
        return norm

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler:
        dataset = train_dataset if train_dataset is not None else self.train_dataset
        assert isinstance(dataset, TokenDataset)
        size = self.division.batch_size
        if self.lesson is None:
            sampler = BatchShufflingSampler(size, dataset=dataset, lengths=dataset.lengths)
            sampler.seed = self.args.seed if self.is_divided else None
            return self.repeat_order(sampler)
        return PhaseSampler(self.lesson.pools, dataset.table.lengths, size, self.args.seed)


class Progress(TrainerCallback):
    """Tells a lesson how far the training is."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        self.advance = advance

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Pass on the share of the steps that are done."""
        self.advance(state.global_step / state.max_steps)


def train(
    model: PreTrainedModel,
    tables: Mapping[str, TokenTable],
    pad_token_id: int,
    config: TrainingConfig,
    steps: int,
    evaluations: int,
    seed: int,
    lesson: Lesson | None = None,
    work: Path | None = None,
    tuning: TuningConfig | None = None,
) -> Trained:
    """Train ``model`` for ``steps`` optimiser steps and return it at its best validation checkpoint.

    ``tables`` holds ``train`` and ``validation``. Without a ``lesson``, whose learner wraps ``model``, the loss
    is that of the table's labels for the model's task, or what ``tuning`` asks for, which also says which layers learn,
    when and how fast. Validation always measures the task's own loss. The training goes on from the last whole
    checkpoint in ``work``, where it also leaves its own; without that it can only be done in one go, by one process.
    Raises GraftError if the loss stops being a number, the batch cannot be divided among the processes, or the model
    cannot be tuned so.
    """
    tuning = TuningConfig() if tuning is None else tuning
    values, tuned = sum(each.numel() for each in model.parameters()), tune(model, tuning)
    if device().type == "cpu":
        # A GPU updates all rows in no time, and not every way of joining gradients of several takes sparse ones.
        make_embeddings_sparse(model)
    began, task = time.monotonic(), task_of_model(model.config)
    # Trainer writes checkpoints and its own files, of which none is published.
    with TemporaryDirectory(prefix="graft-") if work is None else nullcontext(str(work)) as folder:
        trainer = GraftTrainer(
            batch_size=config.batch_size,
            lesson=lesson,
            tuned=tuned,
            loss=_loss_of_labels(model, tables["train"], tuning) if lesson is None else None,
            model=model if lesson is None else lesson.learner,
            args=training_arguments(
                folder, config, steps, evaluations, seed, config.metric, save_only_model=work is None
            ),
            data_collator=BatchCollator(pad_token_id),
            train_dataset=TokenDataset(tables["train"], {} if lesson is None else lesson.signals),
            eval_dataset=TokenDataset(_longest_first(tables["validation"])),
            # The pooled states stand beside the logits in the model's output; metrics need the logits alone.
            preprocess_logits_for_metrics=lambda outputs, labels: outputs[0],
            compute_metrics=lambda result: validation_figures(result.predictions, result.label_ids, task),
            callbacks=[*tuned.callbacks, *([] if lesson is None else [Progress(lesson.advance)])],
        )
        if lesson is not None and lesson.among and trainer.division.parts > 1:
            raise _indivisible(lesson.among[0], trainer.division)
        trainer.go_on()
    tuned.merge()
    trained = finish(trainer, model, began)
    if tuned.trained == values:
        return trained
    return replace(trained, summary=trained.summary | {"trained_parameters": tuned.trained})


def _indivisible(loss: str, division: Division) -> GraftError:
    among = f"{division.processes} process{'es' if division.processes > 1 else ''}"
    return GraftError(
        f"transfer: the loss {loss} compares the texts of a batch with one another, and the batch of "
        f"{division.batch_size} is divided into {division.parts} parts here, among {among}; leave that loss out, or "
        f"use one process, with no {DEVICE_BATCH} below {division.batch_size}"
    )


def _loss_of_labels(model: PreTrainedModel, table: TokenTable, tuning: TuningConfig) -> GoldLoss | None:
    assert table.labels is not None
    return gold_loss(tuning, table.labels, model.config.num_labels)


def _longest_first(table: TokenTable) -> TokenTable:
    """The same texts sorted by length, so that evaluation pads little."""
    return slice_rows(table, np.argsort(-table.lengths, kind="stable"))
