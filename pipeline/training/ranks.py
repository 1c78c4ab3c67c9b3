"""Which of how many processes this one is, as every launcher of torch.distributed says it in the environment."""

import os


def world_size() -> int:
    """How many processes work together; 1 where none was launched beside this one."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def rank() -> int:
    """The number of this process among all, over every node, from 0."""
    return int(os.environ.get("RANK") or 0)


def is_main_rank() -> bool:
    """Whether this is the one process that speaks and publishes."""
    return rank() == 0
