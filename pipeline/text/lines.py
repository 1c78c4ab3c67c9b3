"""Text files line by line: unpacked and decoded on the way; the first byte that does not fit is named."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from pipeline.errors import GraftError

CHUNK = 2**20


def read_lines(path: Path, encoding: str = "utf-8", section: str = "data", newline: str | None = None) -> Iterator[str]:
    """Yield the lines of a text file with their ends, without a byte order mark, one in memory at a time.

    A file whose name ends with .gz is unpacked. ``section`` of params.yaml is the one that names the file and its
    ``encoding``; ``newline`` is that of ``open``. GraftError for an unknown encoding, a byte that does not fit it
    and a file that cannot be read.
    """
    try:
        try:
            with open_binary(path) as raw, _decoded(raw, encoding, section, newline) as stream:
                for at, line in enumerate(stream):
                    yield line if at else line.removeprefix("\ufeff")
        except UnicodeError:
            raise _undecodable(path, encoding, section) from None
    except (OSError, EOFError, zlib.error) as error:
        raise GraftError(f"{path} cannot be read ({error}); it may be cut short: copy it again") from None


def open_binary(path: Path) -> BinaryIO:
    """Open a file to read its bytes, unpacked where its name ends with .gz."""
    return cast(BinaryIO, gzip.open(path) if path.suffix == ".gz" else path.open("rb"))


def _decoded(raw: BinaryIO, encoding: str, section: str, newline: str | None) -> io.TextIOWrapper:
    try:
        return io.TextIOWrapper(raw, encoding=encoding, newline=newline)
    except (LookupError, ValueError):
        raise GraftError(
            f"{section}.encoding is {encoding!r}, which Python does not know; utf-8, utf-16 or cp1252"
        ) from None


def _undecodable(path: Path, encoding: str, section: str) -> GraftError:
    """Say which byte it is: a stream knows its place in the chunk alone, so the file is read once more."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read = lines = at = 0  # A UTF-16 text without byte order mark is undecodable from its first byte on.
    chunk = b""
    with open_binary(path) as raw:
        try:
            while chunk := raw.read(CHUNK):
                decoder.decode(chunk)
                read, lines = read + len(chunk), lines + chunk.count(b"\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            # The decoder may have kept some bytes of the chunk before.
            place = len(chunk) - len(error.object) + error.start
            at, lines = read + place, lines + chunk.count(b"\n", 0, max(place, 0))
        except UnicodeError:
            lines = 0
    return GraftError(
        f"{path}: byte {at + 1} (line {lines + 1}) is not {encoding}; "
        f"set {section}.encoding to what the file was written in, such as cp1252, utf-16 or utf-16-le"
    )
