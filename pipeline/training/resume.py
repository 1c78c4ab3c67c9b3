"""A Trainer whose killed run is taken up at its last whole checkpoint and ends as if it had never been killed.

Trainer restores weights, optimiser, schedule, its log and the random numbers. Three things it does not: the random
numbers that the order of the running epoch was drawn from, the loss summed up since the last log, and that a
training whose last step is done has no step left to make. A fourth, how many looks at validation an early stop has
waited for, it would restore only by building all callbacks anew.
"""

import shutil
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    EarlyStoppingCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, rotate_checkpoints

from pipeline.disk import naming_a_full_disk
from pipeline.training.checkpoints import is_whole, seal
from pipeline.training.divided import DividedTrainer
from pipeline.training.ranks import is_main_rank
from pipeline.training.sampling import BatchShufflingSampler
from pipeline.training.together import said_by_all, say, told_by_main

STATE = "trainer_state.json"
PROGRESS = "progress.safetensors"

# A checkpoint is made at every evaluation and, between two, once so many seconds have passed since the last and
# they are so many times what the last one took: what a kill costs is bounded, and so is what checkpoints cost.
SECONDS = 60.0
TIMES = 50.0

# Several processes ask the main one, whose clock counts, after every so many steps.
ASKING = 10


class ResumableTrainer(DividedTrainer):
    """Trainer with sealed checkpoints, of which the newest and the best are kept, and exact resumption.

    With ``save_only_model`` it keeps what ``load_best_model_at_end`` asks for, and cannot be resumed.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.sampler: BatchShufflingSampler | None = None
        self.progress: dict[str, torch.Tensor] = {}
        self.resumed_at = 0
        self.checkpoints = 0
        self.checkpoint_seconds = 0.0
        self.add_callback(_Keeper(self))

    def go_on(self) -> None:
        """Train to the last step, from the last whole checkpoint in the output folder if there is one."""
        folder = Path(self.args.output_dir)
        checkpoint = None if self.args.save_only_model else _agreed(folder)
        if checkpoint is None:
            self.train()
            return
        self.resumed_at = step_of(checkpoint)
        self.progress = load_file(checkpoint / PROGRESS)
        state = TrainerState.load_from_json(str(checkpoint / STATE))
        if self.resumed_at < self.args.max_steps and not _has_stopped(state):
            self.train(resume_from_checkpoint=str(checkpoint))
            return
        # Trainer would make one step more.
        self.state = state
        self.name_best()
        if self.state.best_model_checkpoint is not None:
            self._load_best_model()

    def course(self, seconds: float) -> str:
        """``1,500 steps, 375 of them in an earlier run; 9 checkpoints took 1.8 of 92.0 seconds (2.0 %)``."""
        earlier = f", {self.resumed_at:,} of them in an earlier run" if self.resumed_at else ""
        saving = self.checkpoint_seconds
        return (
            f"{self.state.global_step:,} steps{earlier}; {self.checkpoints} checkpoints took {saving:.1f} "
            f"of {seconds:.1f} seconds ({100 * saving / max(seconds, 1e-9):.1f} %)"
        )

    def name_best(self) -> None:
        """Tell Trainer where the best checkpoint lies: the folder may have been moved since it was written."""
        if self.state.best_global_step:
            best = Path(self.args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{self.state.best_global_step}"
            self.state.best_model_checkpoint = str(best)

    def take_up(self) -> None:
        """Restore what Trainer does not, once it has set itself up to train."""
        if self.progress:
            self.name_best()
            self._tr_loss = self.progress["loss"].clone().to(self.args.device)
            self._globalstep_last_logged = int(self.progress["logged"])
            for callback in self.callback_handler.callbacks:
                if isinstance(callback, EarlyStoppingCallback):
                    kept = self.state.stateful_callbacks[EarlyStoppingCallback.__name__]
                    vars(callback).update(kept["attributes"])

    def repeat_order(self, sampler: BatchShufflingSampler) -> BatchShufflingSampler:
        """Have ``sampler`` begin with the order that the checkpoint was made in."""
        self.sampler = sampler
        sampler.replayed = self.progress.get("order")
        return sampler

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        began = time.perf_counter()
        run = Path(self.args.output_dir)
        folder = run / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
        try:
            with naming_a_full_disk(folder):
                super()._save_checkpoint(model, trial)
                # Every process has written its random numbers before one declares the checkpoint whole.
                self.accelerator.wait_for_everyone()
                if self.args.should_save and not self.args.save_only_model:
                    save_file(self._progress(), folder / PROGRESS)
                    seal(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        if self.args.should_save:
            rotate_checkpoints(str(run), 1, self.state.best_model_checkpoint)
        self.checkpoints += 1
        self.checkpoint_seconds += time.perf_counter() - began

    def _progress(self) -> dict[str, torch.Tensor]:
        progress = {"loss": self._tr_loss.detach().cpu(), "logged": torch.tensor(self._globalstep_last_logged)}
        # At the end of an epoch the next order is still to be drawn, from the numbers that Trainer restores.
        if self.sampler is not None and self.sampler.began is not None and self.state.epoch % 1:
            progress["order"] = self.sampler.began
        return progress


class _Keeper(TrainerCallback):
    """Takes up what was left and says when, between two evaluations, a checkpoint is due."""

    def __init__(self, trainer: ResumableTrainer) -> None:
        self.trainer = trainer
        self.last = 0.0

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Restore what Trainer has not."""
        self.trainer.take_up()
        self.last = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Ask for a checkpoint if one is due by the clock of the main process."""
        if args.save_only_model or (args.world_size > 1 and state.global_step % ASKING):
            return
        each = self.trainer.checkpoint_seconds / max(self.trainer.checkpoints, 1)
        if told_by_main(time.monotonic() - self.last >= max(SECONDS, TIMES * each)):
            control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Count from the last checkpoint on."""
        self.last = time.monotonic()


def _agreed(folder: Path) -> Path | None:
    """The checkpoint in ``folder`` that all processes go on from: the last whole one, if each of them sees it."""
    found = last_whole(folder) if is_main_rank() else None
    name = told_by_main(found.name if found is not None else None)
    if name is None:
        return None
    seen = [(folder / name / file).exists() for file in (STATE, PROGRESS)]
    blind = [str(number) for number, sees in enumerate(said_by_all(all(seen))) if not sees]
    if not blind:
        return folder / name
    say(
        f"process {', '.join(blind)} does not see {folder / name}, so the training starts anew; "
        "to go on from checkpoints, share their folder among the nodes"
    )
    shutil.rmtree(folder / name, ignore_errors=True)
    return None


def last_whole(folder: Path) -> Path | None:
    """The newest checkpoint in ``folder`` that is whole and whose best is; None if there is none.

    All others but its best are deleted, and the damaged ones named.
    """
    found = sorted(folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"), key=step_of, reverse=True)
    whole = [path for path in found if is_whole(path)]
    kept: list[Path] = []
    for path in whole:
        best = TrainerState.load_from_json(str(path / STATE)).best_global_step
        kept = [path, *([folder / f"{PREFIX_CHECKPOINT_DIR}-{best}"] if best else [])]
        if all(each in whole for each in kept):
            break
        kept = []
    for path in found:
        if path not in whole:
            print(f"{path} is not whole, so it is not used; the training goes on from an earlier one or from nothing")
        if path not in kept:
            shutil.rmtree(path)
    return kept[0] if kept else None


def _has_stopped(state: TrainerState) -> bool:
    """Whether the training that left ``state`` had ended early."""
    early = state.stateful_callbacks.get(EarlyStoppingCallback.__name__)
    return (
        early is not None
        and early["attributes"]["early_stopping_patience_counter"] >= early["args"]["early_stopping_patience"]
    )


def step_of(checkpoint: Path) -> int:
    """The step that a checkpoint was made after."""
    return int(checkpoint.name.rsplit("-", 1)[1])
