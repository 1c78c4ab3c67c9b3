"""From params.yaml's phases and the teachers' signals to what a student is trained on."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from pipeline.errors import GraftError
from pipeline.settings.transfer import PhaseConfig
from pipeline.settings.tuning import TuningConfig
from pipeline.task import is_known, task_of_model
from pipeline.tokens.batches import Signal
from pipeline.training.trainer import Lesson
from pipeline.transfer.learner import Learner
from pipeline.transfer.objective import (
    Objective,
    Phase,
    bind_phases,
    losses_among_texts,
    phase_at,
    signals_read,
    with_gold_loss,
)
from pipeline.tuning.gold import gold_loss


def build_lesson(
    model: PreTrainedModel,
    configs: Sequence[PhaseConfig],
    signals: Mapping[str, Signal],
    steps: int,
    tuning: TuningConfig | None = None,
) -> Lesson:
    """The lesson that teaches ``model`` for ``steps`` in the phases of ``configs``.

    ``signals`` are those that ``needed_signals`` names; ``gold`` is always among them. ``tuning`` says how the
    loss of gold labels weighs them. Raises GraftError if a phase of gold labels alone finds no labelled row.
    """
    phases, labels = bind_phases(configs, task_of_model(model.config).kind), np.asarray(signals["gold"])
    own = gold_loss(tuning, labels, model.config.num_labels) if tuning is not None else None
    if own is not None:
        phases = with_gold_loss(phases, own)
    objective = Objective(phases, _widths(model, signals))

    def advance(progress: float) -> None:
        objective.progress = progress

    read = signals_read(phases)
    kept = {name: values for name, values in signals.items() if name in read}
    among = losses_among_texts(phases)
    return Lesson(Learner(model, objective), kept, _pools(phases, labels, steps), advance, among)


def needed_signals(configs: Sequence[PhaseConfig]) -> set[str]:
    """Names of the signals that the phases read: of ``SIGNALS``."""
    return signals_read(bind_phases(configs))


def _pools(phases: Sequence[Phase], gold: np.ndarray, steps: int) -> list[tuple[int, np.ndarray]]:
    every, labelled = np.arange(len(gold)), np.flatnonzero(is_known(gold))
    pools = []
    for at, phase in enumerate(phases):
        pool = labelled if phase.needs_labels else every
        if not len(pool):
            raise GraftError(f"params.yaml: transfer.phases.{at} learns from gold labels, and no row has one")
        pools.append((sum(phase_at(phases, step / steps) is phase for step in range(steps)), pool))
    return pools


def _widths(model: PreTrainedModel, signals: Mapping[str, Signal]) -> dict[str, tuple[int, int]]:
    """Widths of the student's and the teachers' states; the student's are learned from one token's output."""
    one = torch.zeros(1, 1, dtype=torch.long)
    training = model.training
    with torch.no_grad():
        outputs = model.eval()(input_ids=one, attention_mask=one + 1)
    model.train(training)
    first = np.zeros(1, np.int64)
    return {
        name: (outputs[name].shape[-1], signals[f"teacher_{name}"][first].shape[-1])
        for name in ("pooled", "tokens")
        if f"teacher_{name}" in signals
    }
