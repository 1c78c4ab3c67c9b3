"""Text files line by line: unpacked and decoded on the way; the first byte that does not fit is named."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from pipeline.errors import GraftError


def read_lines(path: Path, encoding: str = "utf-8", section: str = "data", newline: str | None = None) -> Iterator[str]:
    """Yield the lines of a text file with their ends, without a byte order mark, one in memory at a time.

    A file whose name ends with .gz is unpacked. ``section`` of params.yaml is the one that names the file and its
    ``encoding``; ``newline`` is that of ``open``. GraftError for an unknown encoding, a byte that does not fit it
    and a file that cannot be read.
    """
    try:
        with _open(path) as raw, _decoded(raw, encoding, section, newline) as stream:
            for at, line in enumerate(stream):
                yield line if at else line.removeprefix("\ufeff")
    except UnicodeError:
        raise _undecodable(path, encoding, section) from None
    except (OSError, EOFError, zlib.error) as error:
        raise GraftError(f"{path} cannot be read ({error}); it may be cut short: copy it again") from None


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path) if path.suffix == ".gz" else path.open("rb"))


def _decoded(raw: BinaryIO, encoding: str, section: str, newline: str | None) -> io.TextIOWrapper:
    try:
        return io.TextIOWrapper(raw, encoding=encoding, newline=newline)
    except LookupError:
        raise GraftError(
            f"{section}.encoding is {encoding!r}, which Python does not know; utf-8, utf-16 or cp1252"
        ) from None


def _undecodable(path: Path, encoding: str, section: str) -> GraftError:
    """Say which byte it is: a stream knows its place in the chunk alone, so the file is read once more."""
    with _open(path) as raw:
        content = raw.read()
    try:
        content.decode(encoding)
        at = 0  # Whole, a UTF-16 text without byte order mark can be read; in a stream it cannot.
    except UnicodeError as error:
        at = error.start if isinstance(error, UnicodeDecodeError) else 0
    line = content.count(b"\n", 0, at) + 1
    return GraftError(
        f"{path}: byte {at + 1} (line {line}) is not {encoding}; "
        f"set {section}.encoding to what the file was written in, such as cp1252, utf-16 or utf-16-le"
    )
