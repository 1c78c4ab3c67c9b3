"""Masked-language-model training with transformers' Trainer, over packed sequences."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler
from transformers import PreTrainedModel

from pipeline.pretraining.guessing import guess, reads_alone
from pipeline.pretraining.masking import IGNORED, Masks
from pipeline.pretraining.memory import return_freed_blocks
from pipeline.pretraining.packing import Packed
from pipeline.settings.pretraining import PretrainingConfig
from pipeline.training.arguments import training_arguments
from pipeline.training.division import KINDS
from pipeline.training.resume import ResumableTrainer
from pipeline.training.trained import Trained, finish


class PackedDataset(Dataset):
    """Visits of packed sequences, each by a number; ``MaskingCollator`` turns a list of them into tensors at once.

    The masks of a batch follow from ``seed`` and the numbers of its visits alone, so that a training that is taken up
    again sees those that it would have seen.
    """

    def __init__(self, packed: Packed, seed: int) -> None:
        self.packed = packed
        self.seed = seed

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, visit: int) -> tuple["PackedDataset", int]:
        return self, visit


class MaskingCollator:
    """Visits of one dataset to masked tensors."""

    def __init__(self, masks: Masks) -> None:
        self.masks = masks

    def __call__(self, items: Sequence[tuple[PackedDataset, int]]) -> dict[str, torch.Tensor]:
        """Return ``input_ids``, ``attention_mask`` and ``labels``, each (B, T)."""
        dataset = items[0][0]
        packed = dataset.packed
        visits = np.fromiter((visit for _, visit in items), np.int64, len(items))
        rows = visits % len(packed)
        ids, words = packed.input_ids[rows], packed.words[rows]
        read, labels = self.masks.apply(ids, words, np.random.default_rng([dataset.seed, *visits.tolist()]))
        return {
            "input_ids": torch.from_numpy(read),
            "attention_mask": torch.from_numpy((ids != packed.pad_token_id).astype(np.int64)),
            "labels": torch.from_numpy(labels),
        }


class VisitSampler(Sampler[int]):
    """``wanted`` visits of ``rows`` sequences, in a new order each time that all were visited."""

    def __init__(self, rows: int, wanted: int, seed: int) -> None:
        self.rows, self.wanted, self.seed = rows, wanted, seed

    def __len__(self) -> int:
        return self.wanted

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng(self.seed)
        for start in range(0, self.wanted, self.rows):
            yield from (start + random.permutation(self.rows))[: self.wanted - start].tolist()


def count_hidden(batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Of a part of a batch: its sequences, of which all teach, and its hidden tokens; (3,) int64."""
    rows = len(batch["input_ids"])
    return torch.tensor([rows, rows, int((batch["labels"] != IGNORED).sum())])


class PretrainingTrainer(ResumableTrainer):
    """Trainer over visits of packed sequences."""

    count = staticmethod(count_hidden)
    # The masks of a batch follow from all of its visits.
    collates_whole = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The model returns the mean over one micro-batch; told so, Trainer divides it by the accumulation steps.
        self.model_accepts_loss_kwargs = False

        first = self.train_dataset.packed.input_ids[:2]
        ids = torch.from_numpy(first.astype(np.int64)).to(self.args.device)
        self.alone = reads_alone(self.model, ids, (ids != self.train_dataset.packed.pad_token_id).long())

    def compute_loss(
        self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The mean cross-entropy, in nats, of the tokens that were hidden."""
        labels = inputs["labels"]
        asked = labels != IGNORED
        portions = self.portions(inputs)
        logits = guess(model, inputs["input_ids"], inputs["attention_mask"], asked, self.alone)
        # A part of a batch may have hidden no token, and the mean over none is no number.
        reduction = "mean" if portions is None else "sum"
        loss = torch.nn.functional.cross_entropy(logits.float(), labels[asked], reduction=reduction)
        if portions is not None:
            loss = loss / asked.sum().clamp(min=1) * portions[KINDS.index("tokens")]
        return (loss, {"logits": logits}) if return_outputs else loss

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler:
        return VisitSampler(len(self.train_dataset), self.args.max_steps * self.division.batch_size, self.args.seed)


def pretrain(
    model: PreTrainedModel, train: Packed, held_out: Packed, masks: Masks, config: PretrainingConfig, work: Path
) -> Trained:
    """Train ``model`` to guess what ``masks`` hide of ``train``; return it as it guessed best on ``held_out``.

    The training goes on from the last whole checkpoint in ``work``, where it also leaves its own.
    Raises GraftError if the loss stops being a number or the batch cannot be divided among the processes.
    """
    began = time.monotonic()
    return_freed_blocks()
    trainer = PretrainingTrainer(
        batch_size=config.batch_size,
        model=model,
        args=training_arguments(
            str(work),
            config,
            config.steps,
            config.evaluations,
            config.seed,
            "loss",
            # Every token of a row has a score for each of the vocabulary.
            evaluated=config.batch_size,
            prediction_loss_only=True,
        ),
        data_collator=MaskingCollator(masks),
        train_dataset=PackedDataset(train, config.seed),
        # Always the same masks, so that the looks compare.
        eval_dataset=PackedDataset(held_out, config.seed + 1),
    )
    trainer.go_on()
    return finish(trainer, model, began)
