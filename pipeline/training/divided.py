"""A Trainer whose batch is the same however many processes and micro-batches it is divided among.

Each part of a batch gives the mean over what it has: rows, labels or tokens. That mean counts by the part's share of
what the whole batch has, so that the sum of the parts' losses, and of their gradients, is that of the batch in one.
"""

from typing import Any

import numpy as np
import torch
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_pt_utils import find_batch_size, nested_numpify
from transformers.trainer_utils import EvalLoopOutput, EvalPrediction, denumpify_detensorize

from pipeline.training.division import (
    COUNTS,
    DividedBatches,
    Division,
    PartCollator,
    count_items,
    device_batch,
)
from pipeline.training.together import said_by_all, summed


class DividedTrainer(Trainer):
    """Trainer that hands every process its parts of the batches that one process would see.

    ``batch_size`` is that of a whole batch; without it the arguments' device batches add up to it. One process that
    takes its batch at once trains as Trainer does.
    """

    # What is counted in a part, and whether its collator must see the whole batch.
    count = staticmethod(count_items)
    collates_whole = False

    def __init__(self, batch_size: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        accumulation, world = self.args.gradient_accumulation_steps, self.args.world_size
        rows = self.args.train_batch_size * accumulation * world if batch_size is None else batch_size
        self.division = Division(rows, world, accumulation)
        self.is_divided = self.division.parts > 1 or device_batch() is not None
        self.totals = torch.zeros(0)
        self.add_callback(_OwnChance())

    def get_train_dataloader(self) -> DataLoader:
        """The parts of every batch that are this process's own."""
        if not self.is_divided:
            return super().get_train_dataloader()
        sampler = self._get_train_sampler()
        assert sampler is not None
        collator = PartCollator(self.data_collator, self.count, self.collates_whole)
        return self._loader(
            self.train_dataset, DividedBatches(sampler, self.division, self.args.process_index), collator
        )

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader:
        """Every n-th batch, of n processes, of those that one would look at."""
        if self.args.world_size == 1:
            return super().get_eval_dataloader(eval_dataset)
        dataset = self.eval_dataset if eval_dataset is None else eval_dataset
        batches = list(BatchSampler(SequentialSampler(dataset), self.args.eval_batch_size, drop_last=False))
        # All look at equally many; what lies past the end is looked at for nothing.
        turns = range(self.args.process_index, -(-len(batches) // self.args.world_size) * self.args.world_size)
        own = [batches[min(at, len(batches) - 1)] for at in turns[:: self.args.world_size]]
        return self._loader(dataset, own, self.data_collator)

    def _loader(self, dataset: Any, batches: Any, collator: Any) -> DataLoader:
        loader: DataLoader = DataLoader(
            dataset,
            batch_sampler=batches,
            collate_fn=collator,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=self.args.dataloader_pin_memory,
            persistent_workers=self.args.dataloader_persistent_workers,
            prefetch_factor=self.args.dataloader_prefetch_factor,
        )
        # The parts are shared out already: Accelerate would share them out again.
        return prepare_data_loader(loader, self.args.device, num_processes=1, process_index=0, put_on_device=True)

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> Any:
        """Take the parts of a batch, and count what the whole batch has."""
        parts, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        if parts and COUNTS in parts[0]:
            self.totals = summed(torch.stack([part[COUNTS] for part in parts]).sum(0))
        return parts, items

    def portions(self, inputs: dict[str, Any]) -> torch.Tensor | None:
        """What the means over this part count, by kind, (3,); None where the batch is not divided.

        Trainer divides by the accumulation steps, and gradients are averaged over the processes; hence the factor.
        """
        counts: torch.Tensor | None = inputs.pop(COUNTS, None)
        return None if counts is None else counts * self.division.parts / self.totals.clamp(min=1)

    def evaluation_loop(
        self,
        dataloader: DataLoader,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """Look at every row once, in any number of processes, and return the same figures in each."""
        if self.args.world_size == 1:
            return super().evaluation_loop(
                dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix
            )
        only_loss = self.args.prediction_loss_only if prediction_loss_only is None else prediction_loss_only
        self.model.eval()
        own = [self._look_at(inputs, only_loss, ignore_keys) for inputs in dataloader]
        every = said_by_all(own)
        # Batch after batch, as one process would have seen them.
        batches = [each for turn in zip(*every, strict=True) for each in turn]
        dataset = dataloader.dataset
        batches = batches[: -(-len(dataset) // self.args.eval_batch_size)]  # type: ignore[arg-type]
        losses = np.concatenate([np.repeat(loss, rows) for rows, loss, _, _ in batches])
        logits, labels = (
            None if only_loss or batches[0][at] is None else np.concatenate([batch[at] for batch in batches])
            for at in (2, 3)
        )
        figures = {}
        if self.compute_metrics is not None and logits is not None and labels is not None:
            figures = denumpify_detensorize(self.compute_metrics(EvalPrediction(predictions=logits, label_ids=labels)))
        figures["loss"] = losses.mean().item()
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in figures.items()}
        return EvalLoopOutput(predictions=logits, label_ids=labels, metrics=metrics, num_samples=len(losses))

    def _look_at(self, inputs: dict[str, Any], only_loss: bool, ignore_keys: list[str] | None) -> tuple[Any, ...]:
        """Rows, mean loss, logits and labels of a batch."""
        loss, logits, labels = self.prediction_step(self.model, inputs, only_loss, ignore_keys=ignore_keys)
        if logits is not None and self.preprocess_logits_for_metrics is not None:
            logits = self.preprocess_logits_for_metrics(logits, labels)
        found = (None if each is None else nested_numpify(each) for each in (loss, logits, labels))
        return find_batch_size(inputs), *found


class _OwnChance(TrainerCallback):
    """Lets each process drop out what it likes, once all have drawn the same order of the rows."""

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Seed the random numbers of all processes but the first anew before the first step."""
        if state.global_step == 0 and args.process_index:
            torch.manual_seed(int(np.random.SeedSequence([args.seed, args.process_index]).generate_state(1)[0]))
