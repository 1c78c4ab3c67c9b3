"""What processes that work together tell one another; in a lone process each of these does nothing.

All of them must be called by every process, in the same order.
"""

from typing import Any, TypeVar

import torch
import torch.distributed as dist
from accelerate import PartialState

from pipeline.training.machine import device
from pipeline.training.ranks import is_main_rank, world_size

T = TypeVar("T")


def join() -> None:
    """Meet the other processes, unless that was done before."""
    if world_size() > 1 and not dist.is_initialized():
        PartialState(cpu=device().type == "cpu")


def told_by_main(value: T) -> T:
    """Return what the main process called this with."""
    if world_size() == 1:
        return value
    join()
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def said_by_all(value: T) -> list[T]:
    """Return what each process called this with, in the order of their ranks."""
    if world_size() == 1:
        return [value]
    join()
    said: list[Any] = [None] * world_size()
    dist.all_gather_object(said, value)
    return said


def summed(values: torch.Tensor) -> torch.Tensor:
    """Return the sum of the tensors of all processes, which have one shape and lie on the device of each."""
    if world_size() > 1:
        join()
        values = values.clone()
        dist.all_reduce(values)
    return values


def wait_for_all() -> None:
    """Return once every process has come here."""
    said_by_all(None)


def say(line: str) -> None:
    """Print a line once, whatever the number of processes."""
    if is_main_rank():
        print(line, flush=True)
