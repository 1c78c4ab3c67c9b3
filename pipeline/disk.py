"""A full disk: what it looks like in the libraries that write, and the line a user gets for it."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import GraftError

# No space left, no quota left, larger than the process may write.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PROBE = 1 << 20


@contextmanager
def naming_a_full_disk(target: Path) -> Iterator[None]:
    """Raise GraftError if the block fails because ``target`` cannot be written for want of space."""
    try:
        yield
    except GraftError:
        raise
    except Exception as error:
        reason = reason_of(error) or (_probe(target) if isinstance(error, (OSError, RuntimeError)) else None)
        if reason is None:
            raise
        raise GraftError(full_disk(str(target).replace(".partial-", ""), reason)) from error


def full_disk(target: str, reason: str) -> str:
    """The line for a ``target`` that could not be written."""
    return (
        f"{target} could not be written whole: {reason.lower()}; make room there and run `dvc repro` again, "
        "which goes on from the last checkpoint"
    )


def reason_of(error: BaseException) -> str | None:
    """What the system says of the want of space behind ``error``, None if that is not behind it.

    Only some libraries pass on the system's error; others, safetensors and tokenizers among them, only its text.
    """
    seen: BaseException | None = error
    while seen is not None:
        for number in FULL:
            if getattr(seen, "errno", None) == number or os.strerror(number) in str(seen):
                return os.strerror(number)
        seen = seen.__cause__ or seen.__context__
    return None


def _probe(target: Path) -> str | None:
    """Why a megabyte cannot be written beside ``target``, None if it can: torch and NumPy do not say."""
    folder = next(parent for parent in Path(target).absolute().parents if parent.is_dir())
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".partial-probe-", buffering=0) as stream:
            left = memoryview(bytes(PROBE))
            while left:
                left = left[stream.write(left) :]
            return None
    except OSError as error:
        return reason_of(error)
