"""A batch is divided without loss, equally among processes; what cannot be is refused with what can."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import GraftError
from pipeline.training.division import (
    COUNTS,
    DEVICE_BATCH,
    DividedBatches,
    Division,
    PartCollator,
    count_items,
    device_batch,
    divide,
)


@given(rows=st.integers(1, 70), each=st.integers(1, 6), world=st.integers(1, 4), accumulation=st.integers(1, 5))
def test_the_parts_of_all_processes_are_the_batches_of_one(rows: int, each: int, world: int, accumulation: int) -> None:
    division, order = Division(each * world, world, accumulation), np.random.default_rng(rows).permutation(rows)
    own = [DividedBatches(order, division, rank) for rank in range(world)]  # type: ignore[arg-type]
    parts = [[part for (part,) in batches] for batches in own]
    count = math.ceil(rows / division.batch_size) * accumulation
    assert [len(batches) for batches in own] == [len(found) for found in parts] == [count] * world
    for at in range(0, count, accumulation):
        first = at // accumulation * division.batch_size
        batch = order[first : first + division.batch_size]
        taken = [part.rows[part.own] for found in parts for part in found[at : at + accumulation]]
        assert sorted(np.concatenate(taken)) == sorted(batch)
        assert max(map(len, taken)) <= division.largest
        assert all(np.array_equal(part.rows, batch) for found in parts for part in found[at : at + accumulation])


@pytest.mark.parametrize(
    ("processes", "most", "accumulation", "largest"),
    [(1, None, 1, 32), (1, 32, 1, 32), (1, 16, 2, 16), (2, 16, 1, 16), (2, 5, 4, 4), (4, 3, 3, 3), (32, 1, 1, 1)],
)
def test_no_device_takes_more_than_it_may(processes: int, most: int | None, accumulation: int, largest: int) -> None:
    division = divide(32, processes, most)
    assert (division.accumulation, division.largest) == (accumulation, largest)


def test_what_cannot_be_divided_names_what_can() -> None:
    wanted = "batch_size 12 cannot be divided among 5 processes; it can among 1, 2, 3, 4, 6 or 12, or else choose a"
    with pytest.raises(GraftError, match=re.escape(wanted)):
        divide(12, 5)
    with pytest.raises(GraftError, match="among 2 processes; it can among 1, or else choose a multiple of 2"):
        divide(1, 2)


def test_the_most_rows_of_a_device_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DEVICE_BATCH, raising=False)
    assert device_batch() is None
    monkeypatch.setenv(DEVICE_BATCH, "8")
    assert device_batch() == 8
    for value in ("0", "-1", "many"):
        monkeypatch.setenv(DEVICE_BATCH, value)
        with pytest.raises(GraftError, match=f"{DEVICE_BATCH} is '{value}'; it must be a number of rows from 1 on"):
            device_batch()


def test_a_process_without_a_row_reads_one_that_counts_nothing() -> None:
    def collate(items: list[tuple[str, int]]) -> dict[str, torch.Tensor]:
        return {"input_ids": torch.tensor([[row] for _, row in items]), "labels": torch.tensor([1 for _ in items])}

    ((part,),) = DividedBatches(np.array([7]), Division(2, 2), 1)  # type: ignore[arg-type]
    batch = PartCollator(collate, count_items)([("rows", part)])
    assert batch["input_ids"].tolist() == [[7]]
    assert batch[COUNTS].tolist() == [0, 0, 0]


def test_what_a_part_has_is_counted_by_kind() -> None:
    ids = torch.zeros(3, 2, dtype=torch.long)
    known = torch.tensor([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], [[0.0, -1.0], [2.0, 0.0]]])
    assert count_items({"input_ids": ids, "labels": torch.tensor([0, -100, 1])}).tolist() == [3, 2, 0]
    numbers = torch.tensor([[1.0], [torch.nan], [torch.nan]])
    assert count_items({"input_ids": ids, "gold": numbers, "teacher_tokens": known}).tolist() == [3, 1, 3]
