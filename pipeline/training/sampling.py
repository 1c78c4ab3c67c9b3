"""The order in which a training reads its rows."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import LengthGroupedSampler


class BatchShufflingSampler(LengthGroupedSampler):
    """Batches of texts of like length, in random order.

    LengthGroupedSampler alone goes from the longest texts to the shortest over and over. Without a generator the
    order is drawn from torch's global random numbers, whose state before the last draw is ``began``; the next order
    is drawn from ``replayed`` where that is set.

    Global random numbers are not the same in several processes once each has dropped out what it liked. With a
    ``seed`` the order of every pass but the first is drawn from that and the number of the pass.
    """

    began: torch.Tensor | None = None
    replayed: torch.Tensor | None = None
    seed: int | None = None

    def set_epoch(self, epoch: int) -> None:
        """Tell which pass over the rows is next."""
        if self.seed is not None:
            mixed = int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0])
            self.generator = torch.Generator().manual_seed(mixed) if epoch else None

    def __iter__(self) -> Iterator[int]:
        if self.replayed is not None:
            torch.set_rng_state(self.replayed)
            self.replayed = None
        self.began = torch.get_rng_state()
        rows = torch.tensor(list(super().__iter__()))
        full = len(rows) // self.batch_size * self.batch_size
        batches = rows[:full].view(-1, self.batch_size)
        order = torch.randperm(len(batches), generator=self.generator)
        return iter(batches[order].flatten().tolist() + rows[full:].tolist())


class PhaseSampler(Sampler[int]):
    """``steps`` whole batches from each pool of row numbers in turn, a pool begun anew when it is used up."""

    def __init__(self, pools: Sequence[tuple[int, np.ndarray]], lengths: np.ndarray, batch_size: int, seed: int):
        self.pools = pools
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed

    def __len__(self) -> int:
        return sum(steps for steps, _ in self.pools) * self.batch_size

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed)
        for steps, pool in self.pools:
            wanted = steps * self.batch_size
            sampler = BatchShufflingSampler(self.batch_size, lengths=self.lengths[pool].tolist(), generator=generator)
            while wanted > 0:
                rows = pool[np.fromiter(sampler, np.int64)][:wanted]
                wanted -= len(rows)
                yield from rows.tolist()
