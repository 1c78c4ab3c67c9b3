"""Training with transformers' Trainer: one function for teachers, students and controls."""

import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.utils.data import Dataset, Sampler
from transformers import PreTrainedModel, Trainer, TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler

from pipeline.configs import TrainingConfig
from pipeline.errors import GraftError
from pipeline.evaluation.metrics import validation_figures
from pipeline.models.outputs import PooledClassifierOutput
from pipeline.tokens.batches import BatchCollator, TokenDataset
from pipeline.tokens.table import TokenTable
from pipeline.training.curves import curve
from pipeline.training.machine import device, use_bf16

# What a student minimises instead of its labels' cross-entropy: the mean loss of a batch, from the model's
# output and the batch with its signals. A type, not the class: a teacher's training knows no transfer loss.
Objective = Callable[[PooledClassifierOutput, Mapping[str, torch.Tensor]], torch.Tensor]


@dataclass(frozen=True)
class Trained:
    """A trained model at its best checkpoint, its curve, and what the training was."""

    model: PreTrainedModel
    curve: pd.DataFrame
    summary: dict[str, Any]


class GraftTrainer(Trainer):
    """Trainer over token tables: batches of texts of like length, and an objective in place of the model's loss.

    The objective is used in training only; validation always measures the cross-entropy of the gold labels.
    """

    # The objective and the models return the mean over one micro-batch; the Trainer must divide it by the
    # number of accumulation steps, or gradients would grow with that number.
    loss_is_scaled_for_ga = False

    def __init__(self, objective: Objective | None, **options: Any) -> None:
        super().__init__(**options)
        self.objective = objective
        self.model_accepts_loss_kwargs = False

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """Return the mean loss of the batch: the objective's in training, cross-entropy otherwise."""
        signals = {name: inputs.pop(name) for name in list(inputs) if name.startswith("teacher_")}
        outputs = model(**inputs)
        if self.objective is None or not model.training:
            loss = outputs.loss
        else:
            loss = self.objective(outputs, {**inputs, **signals})
        return (loss, outputs) if return_outputs else loss

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler:
        dataset = train_dataset if train_dataset is not None else self.train_dataset
        assert isinstance(dataset, TokenDataset)
        size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return BatchShufflingSampler(size, dataset=dataset, lengths=dataset.lengths)


class BatchShufflingSampler(LengthGroupedSampler):
    """Batches of texts of like length, in random order.

    LengthGroupedSampler alone goes from the longest texts to the shortest over and over, so that the
    weights swing with the length of what they saw last.
    """

    def __iter__(self) -> Iterator[int]:
        rows = torch.tensor(list(super().__iter__()))
        full = len(rows) // self.batch_size * self.batch_size
        batches = rows[:full].view(-1, self.batch_size)
        order = torch.randperm(len(batches), generator=self.generator)
        return iter(batches[order].flatten().tolist() + rows[full:].tolist())


def train(
    model: PreTrainedModel,
    tables: Mapping[str, TokenTable],
    pad_token_id: int,
    config: TrainingConfig,
    steps: int,
    evaluations: int,
    seed: int,
    objective: Objective | None = None,
    signals: Mapping[str, np.ndarray] | None = None,
) -> Trained:
    """Train ``model`` for ``steps`` optimiser steps and return it at its best validation checkpoint.

    ``tables`` holds ``train`` and ``validation``; ``signals`` has one array entry per training row, and
    ``objective`` weighs them. Without an objective the loss is the cross-entropy of the table's labels.
    Raises GraftError if the loss stops being a number or the batch cannot be divided among the processes.
    """
    every = max(1, math.ceil(steps / evaluations))
    # A private folder: Trainer writes checkpoints and its own files, of which none is published.
    with tempfile.TemporaryDirectory(prefix="graft-") as folder:
        trainer = GraftTrainer(
            objective=objective,
            model=model,
            args=_arguments(folder, config, steps, every, seed),
            data_collator=BatchCollator(pad_token_id),
            train_dataset=TokenDataset(tables["train"], signals),
            eval_dataset=TokenDataset(_longest_first(tables["validation"])),
            # The pooled states stand beside the logits in the model's output; metrics need the logits alone.
            preprocess_logits_for_metrics=lambda outputs, labels: outputs[0],
            compute_metrics=lambda result: validation_figures(result.predictions, result.label_ids),
        )
        trainer.train()
        history, best = trainer.state.log_history, trainer.state.best_global_step
        metric = trainer.state.best_metric
    losses = [entry[key] for entry in history for key in ("loss", "eval_loss") if key in entry]
    if metric is None or not np.isfinite(losses).all():
        raise GraftError("the loss stopped being a number; lower learning_rate or raise warmup")
    summary = {
        "best_step": best,
        f"best_validation_{config.metric}": round(metric, 6),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": steps,
    }
    return Trained(model.cpu().eval(), curve(history), summary)


def _arguments(folder: str, config: TrainingConfig, steps: int, every: int, seed: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=_per_process(config.batch_size),
        per_device_eval_batch_size=128,
        max_steps=steps,
        learning_rate=config.learning_rate,
        warmup_steps=math.ceil(steps * config.warmup),
        weight_decay=config.weight_decay,
        bf16=use_bf16(config.precision),
        use_cpu=device().type == "cpu",
        eval_strategy="steps",
        eval_steps=every,
        logging_strategy="steps",
        logging_steps=every,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=1,
        save_only_model=True,
        load_best_model_at_end=True,
        metric_for_best_model=config.metric,
        greater_is_better=config.metric != "loss",
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=device().type == "cuda",
        report_to="none",
        seed=seed,
        data_seed=seed,
    )


def _per_process(batch_size: int) -> int:
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if batch_size % world:
        raise GraftError(
            f"batch_size {batch_size} cannot be divided among {world} processes; choose a multiple of {world}"
        )
    return batch_size // world


def _longest_first(table: TokenTable) -> TokenTable:
    """The same texts sorted by length, so that evaluation pads little."""
    order = np.argsort(-table.lengths, kind="stable")
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(table.lengths[order])])
    pieces = [table.input_ids[table.offsets[row] : table.offsets[row + 1]] for row in order]
    labels = None if table.labels is None else table.labels[order]
    return TokenTable(table.ids.take(order), np.concatenate(pieces), offsets, labels)
