"""Lines of a file that is to be classified; what is wrong with it is a fault of the input."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from pipeline.deployment.classifier import UnreadableError
from pipeline.deployment.runtime import read_lines
from pipeline.prediction.rows import BrokenInputError
from pipeline.text.lines import open_binary


def read_file(path: Path) -> Iterator[str]:
    """Yield the lines of a file without their ends, each a text."""
    return (line.removesuffix("\n") for line in read_file_lines(path))


def read_file_lines(path: Path, newline: str | None = None) -> Iterator[str]:
    """Yield the lines of a file with their ends, unpacked where its name ends with .gz, as ``read_lines`` does.

    BrokenInputError if it cannot be read.
    """
    try:
        yield from read_lines(cast(io.BufferedReader, open_binary(path)), str(path), newline)
    except OSError as error:
        raise BrokenInputError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnreadableError as error:
        raise BrokenInputError(str(error)) from None
