"""How a batch is divided: among processes, and within each into micro-batches whose gradients are added up.

The batch is what params.yaml says, on every machine; how it is divided belongs to the machine.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Sampler

from pipeline.errors import GraftError

# The most rows that a device computes on at once, in the environment; without it there is no such bound.
DEVICE_BATCH = "GRAFT_DEVICE_BATCH"

# In a divided batch, how many things of each kind (``KINDS``) the part has.
COUNTS = "counts"
KINDS = ("rows", "labels", "tokens")


@dataclass(frozen=True)
class Division:
    """A batch of ``batch_size`` rows among ``processes``, each of which takes its own in ``accumulation`` parts."""

    batch_size: int
    processes: int = 1
    accumulation: int = 1

    @property
    def parts(self) -> int:
        """Parts of a batch, over all processes."""
        return self.processes * self.accumulation

    @property
    def largest(self) -> int:
        """Rows of the largest part."""
        return -(-self.batch_size // self.parts)


def device_batch() -> int | None:
    """The most rows that a device may take at once, None for any number.

    Raises GraftError if the environment says something else than a number from 1 on.
    """
    value = os.environ.get(DEVICE_BATCH)
    if not value:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise GraftError(f"the environment variable {DEVICE_BATCH} is {value!r}; it must be a number of rows from 1 on")
    return int(value)


def divide(batch_size: int, processes: int, most: int | None = None) -> Division:
    """Divide a batch equally among ``processes``, and then into parts of ``most`` rows or fewer.

    Raises GraftError, with the numbers of processes that would do, if there is no equal division.
    """
    if batch_size % processes:
        able = [str(number) for number in range(1, batch_size + 1) if batch_size % number == 0]
        raise GraftError(
            f"batch_size {batch_size} cannot be divided among {processes} processes; it can among "
            f"{' or '.join(filter(None, [', '.join(able[:-1]), able[-1]]))}, "
            f"or else choose a multiple of {processes} as batch_size"
        )
    own = batch_size // processes
    return Division(batch_size, processes, 1 if most is None else -(-own // most))


@dataclass(frozen=True)
class Part:
    """The ``rows`` of a whole batch, (B,), and which of them are this part's own: ``own`` (b,) of 0 … B − 1."""

    rows: np.ndarray
    own: np.ndarray


class DividedBatches(Sampler[list[Part]]):
    """The parts that process ``rank`` takes of the batches that ``sampler`` gives row after row.

    Every process draws the same rows and takes every n-th of a batch, of n processes, so that all have texts of like
    length; its own it takes in ``accumulation`` parts, of the last batch too, which may have fewer rows than parts.
    """

    def __init__(self, sampler: Sampler[int], division: Division, rank: int) -> None:
        self.sampler = sampler
        self.division = division
        self.rank = rank

    def __len__(self) -> int:
        return -(-len(self.sampler) // self.division.batch_size) * self.division.accumulation  # type: ignore[arg-type]

    def set_epoch(self, epoch: int) -> None:
        """Tell the sampler which pass over the rows is next."""
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(epoch)

    def __iter__(self) -> Iterator[list[Part]]:
        batch: list[int] = []
        for row in self.sampler:
            batch.append(row)
            if len(batch) == self.division.batch_size:
                yield from self._parts(batch)
                batch = []
        if batch:
            yield from self._parts(batch)

    def _parts(self, batch: Sequence[int]) -> Iterator[list[Part]]:
        rows = np.asarray(batch, np.int64)
        own = np.arange(self.rank, len(rows), self.division.processes)
        for part in np.array_split(own, self.division.accumulation):
            yield [Part(rows, part)]


class PartCollator:
    """A part of a batch to tensors, with the ``counts`` of what is in it.

    ``whole`` is for a collator that must see the whole batch: it is given that, and the rest is taken away.
    """

    def __init__(
        self,
        collate: Callable[[Any], dict[str, torch.Tensor]],
        count: Callable[[dict[str, torch.Tensor]], torch.Tensor],
        whole: bool = False,
    ) -> None:
        self.collate, self.count, self.whole = collate, count, whole

    def __call__(self, items: Sequence[tuple[Any, Part]]) -> dict[str, torch.Tensor]:
        """Return the tensors of the one part in ``items``, and ``counts`` (3,) int64."""
        ((dataset, part),) = items
        # A process without a row reads one of another's, which counts nothing: all must take the same steps.
        own = part.own if len(part.own) else np.zeros(1, np.int64)
        rows = part.rows if self.whole else part.rows[own]
        batch = self.collate([(dataset, row) for row in rows.tolist()])
        if self.whole:
            batch = {name: values[torch.from_numpy(own)] for name, values in batch.items()}
        return batch | {COUNTS: self.count(batch) * bool(len(part.own))}


def count_items(batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Of a part: its rows, those with a label, and the tokens whose states the teacher knows; (3,) int64."""
    rows = len(batch["input_ids"])
    labels, tokens = batch.get("gold", batch.get("labels")), batch.get("teacher_tokens")
    known = 0 if labels is None else int(has_label(labels).sum())
    return torch.tensor([rows, known, 0 if tokens is None else int((tokens.abs().sum(-1) > 0).sum())])


def has_label(labels: torch.Tensor) -> torch.Tensor:
    """Which rows have a label, (B,): none is below 0 in (B,) integers, and not a number in (B, labels) floats."""
    return ~labels.isnan().any(-1) if labels.is_floating_point() else labels >= 0
