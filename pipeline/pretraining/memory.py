"""Memory that a long training keeps: freed blocks go back to the system at once."""

import ctypes
import sys

# glibc's number of the setting, and the bytes from which on a block is the system's own.
MMAP_THRESHOLD, BYTES = -3, 4 * 2**20


def return_freed_blocks() -> bool:
    """Have glibc give blocks of some megabytes back when they are freed; return whether it does.

    The scores of a batch take ten megabytes or so, each time a little more or less. Left to itself glibc keeps such
    blocks on its heap, where hardly one fits into the place of another: the process grew by 4 GB in 600 steps.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(MMAP_THRESHOLD, BYTES) == 1
