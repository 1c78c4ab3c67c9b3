"""What a rank does around its stage: it meets the others first, and says how it failed where its launcher reads it."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import distributed
from torch.distributed.elastic.multiprocessing.errors import ErrorHandler

from pipeline.errors import GraftError
from pipeline.interruption import LAUNCHER

# How long ranks wait for one another: as long as one may write or read alone. That one is gone they learn of their
# launchers, within seconds.
PATIENCE = timedelta(minutes=30)

# Words in what a rank says that only found another one gone.
FOLLOWED = (
    "gloo",
    "NCCL",
    "Connection closed",
    "Connection reset",
    "Broken pipe",
    "recvValue",
    "sendBytes",
    "TCPStore",
)


@contextmanager
def taking_part() -> Iterator[None]:
    """Join the process group for the block; tell the launcher of an exception.

    The device is chosen by the rank's number on its node. Raises GraftError if not as many came as were asked for.
    """
    try:
        join_group()
        yield
        distributed.destroy_process_group()
    except Exception as error:
        tell_launcher(error)
        if LAUNCHER in os.environ and found_another_gone(str(error)):
            sys.exit(1)  # a traceback would hide what happened to the other
        raise


def join_group() -> None:
    """Meet the other ranks; from here on torch.distributed, and Accelerate with it, is ready for use."""
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    came = torch.ones(1)
    distributed.all_reduce(came)
    asked = int(os.environ["WORLD_SIZE"])
    if int(came) != asked:
        raise GraftError(f"{asked} processes were asked for, but {int(came)} work together")


def found_another_gone(said: str) -> bool:
    """Whether an error that ``said`` this may only have followed another rank's end."""
    # No beginning of a longer word, such as a file's name.
    return any(re.search(f"{word}(?![a-z])", said) for word in FOLLOWED)


def tell_launcher(error: Exception) -> None:
    """Write ``error`` where torch's launcher looks for it."""
    ErrorHandler().record_exception(error)
