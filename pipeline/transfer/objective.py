"""The objective: what a student minimises, phase after phase, as params.yaml lists it.

Projections from the student's widths to the teachers' belong to the objective, not to the student:
they are trained with it and never exported.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import nn

from pipeline.errors import GraftError
from pipeline.models.outputs import PooledClassifierOutput
from pipeline.settings.base import Kind
from pipeline.settings.transfer import LossConfig, PhaseConfig
from pipeline.training.division import KINDS
from pipeline.transfer.losses import LOSSES, Loss, LossFunction, labels_kl


@dataclass(frozen=True)
class Term:
    """One loss of a phase, its settings bound, and its weight."""

    name: str
    weight: float
    loss: Loss
    function: LossFunction


@dataclass(frozen=True)
class Phase:
    """A part of the training: the share of the steps at which it ends, and its terms."""

    end: float
    terms: tuple[Term, ...]

    @property
    def needs_labels(self) -> bool:
        """Whether only rows with a gold label teach anything."""
        return all(term.loss.reads == "labels" for term in self.terms)


class Objective(nn.Module):
    """Σ weight · loss of the phase that the training is in; ``progress`` is the share of the steps done.

    ``widths`` maps ``pooled`` and ``tokens`` to the (student, teacher) widths, for the losses that project.
    """

    def __init__(self, phases: Sequence[Phase], widths: Mapping[str, tuple[int, int]]) -> None:
        super().__init__()
        self.phases = tuple(phases)
        self.progress = 0.0
        projected = {term.loss.reads for phase in phases for term in phase.terms if term.loss.projected}
        self.projections = nn.ModuleDict({name: nn.Linear(*widths[name]) for name in sorted(projected)})

    def forward(
        self,
        outputs: PooledClassifierOutput,
        signals: Mapping[str, torch.Tensor],
        portions: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the scalar objective of a batch with its ``signals``, named as ``SIGNALS`` says.

        Of a part of a batch, ``portions`` (3,) say what a mean over its rows, labels and tokens counts.
        """
        phase = phase_at(self.phases, self.progress)
        terms = [term.weight * self._measure(term, outputs, signals) for term in phase.terms]
        if portions is not None:
            kinds = [KINDS.index(MEANS.get(term.loss.reads, "rows")) for term in phase.terms]
            terms = [each * portions[kind] for each, kind in zip(terms, kinds, strict=True)]
        # A projection of another phase takes no part; its product with zero keeps every parameter in the graph,
        # which training in several processes asks for.
        idle = sum(parameter.sum() * 0 for parameter in self.parameters())
        return torch.stack(terms).sum() + idle

    def _measure(
        self, term: Term, outputs: PooledClassifierOutput, signals: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        reads = term.loss.reads
        student = outputs["logits" if reads == "labels" else reads]
        if term.loss.projected:
            student = self.projections[reads](student)
        return term.function(student, signals[SIGNALS[reads]])


def phase_at(phases: Sequence[Phase], progress: float) -> Phase:
    """Return the phase of a training of which the share ``progress`` is done."""
    return next((phase for phase in phases if progress < phase.end), phases[-1])


# Which signal of a batch each kind of loss is held to.
SIGNALS = {"logits": "teacher_logits", "labels": "gold", "pooled": "teacher_pooled", "tokens": "teacher_tokens"}


# What the mean of a loss is over, where that is not the texts.
MEANS = {"labels": "labels", "tokens": "tokens"}


def with_gold_loss(phases: Sequence[Phase], function: LossFunction) -> list[Phase]:
    """The ``phases`` with ``function`` in the place of the loss ``gold``."""
    return [
        replace(
            phase,
            terms=tuple(replace(each, function=function) if each.name == "gold" else each for each in phase.terms),
        )
        for phase in phases
    ]


def bind_phases(configs: Sequence[PhaseConfig], task: Kind = "single_label") -> list[Phase]:
    """Turn the phases of params.yaml into terms for a kind of task.

    Raises GraftError for a loss or a setting that does not exist, and for a loss that tells the task nothing.
    """
    total = sum(config.share for config in configs)
    ends = [sum(config.share for config in configs[: at + 1]) / total for at in range(len(configs))]
    return [
        Phase(
            end, tuple(_bind(f"transfer.phases.{at}.losses.{number}", loss, task) for number, loss in enumerate(each))
        )
        for at, (end, each) in enumerate(zip(ends, (config.losses for config in configs), strict=True))
    ]


def losses_among_texts(phases: Sequence[Phase]) -> list[str]:
    """Names of the phases' losses that compare the texts of a batch with one another."""
    return [term.name for phase in phases for term in phase.terms if term.loss.among]


def signals_read(phases: Sequence[Phase]) -> set[str]:
    """Names of the signals that the phases' losses are held to."""
    return {SIGNALS[term.loss.reads] for phase in phases for term in phase.terms}


def _bind(key: str, config: LossConfig, task: Kind) -> Term:
    if config.name not in LOSSES:
        raise GraftError(f"{key}.name is {config.name!r}; allowed: {', '.join(LOSSES)}")
    loss = LOSSES[config.name]
    settings: dict[str, Any] = config.model_extra or {}
    allowed = list(inspect.signature(loss.function).parameters)[2:]
    for name, value in settings.items():
        if name not in allowed:
            raise GraftError(f"{key}.{name} is not a setting of {config.name}; allowed: {', '.join(allowed) or 'none'}")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise GraftError(f"{key}.{name} is {value!r}: must be a number")
    if config.name == "logits_kl" and task == "regression":
        raise GraftError(f"{key}.name is logits_kl, which compares probabilities; of a number take logits_mse")
    function = partial(labels_kl if config.name == "logits_kl" and task == "multi_label" else loss.function, **settings)
    if settings:
        try:
            function(torch.zeros(1, 2), torch.zeros(1, 2))
        except ValueError as error:
            raise GraftError(f"{key}: {error}") from None
    return Term(config.name, config.weight, loss, function)
