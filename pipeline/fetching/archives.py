"""Unpacking archives that came from outside: nothing leaves the folder, nothing but plain files."""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from pipeline.errors import GraftError

LIMIT = 16 * 2**30
CHUNK = 2**20
UNREADABLE = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError
)  # fmt: skip


def unpack(archive: Path, folder: Path, wanted: Callable[[str], bool], limit: int = LIMIT) -> list[Path]:
    """Unpack the members of a .zip, .whl or .tar.gz whose names are ``wanted`` into ``folder``.

    Refused are names that lead out of the folder, links, devices, a name that occurs twice, and
    more than ``limit`` bytes in all, counted as they are written.
    """
    members = _zip_members if archive.suffix in (".zip", ".whl") else _tar_members
    written: list[Path] = []
    room = limit
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for name, plain, stream in members(archive, wanted):
            target = folder / _inside(archive, name)
            if not plain:
                raise GraftError(f"{archive.name}: {name!r} is no plain file; the archive is refused")
            if target.exists():
                raise GraftError(f"{archive.name}: {name!r} occurs twice; the archive is refused")
            target.parent.mkdir(parents=True, exist_ok=True)
            room = _copy(stream(), target, room)
            if room < 0:
                raise GraftError(f"{archive.name}: more than {limit:,} bytes when unpacked; the archive is refused")
            written.append(target)
    except UNREADABLE as error:
        fault = type(error).__name__
        raise GraftError(
            f"{archive.name}: cannot be unpacked ({fault}); make room on the disk or fetch it again"
        ) from error
    return written


Member = tuple[str, bool, Callable[[], IO[bytes]]]


def _zip_members(archive: Path, wanted: Callable[[str], bool]) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            if entry.is_dir() or not wanted(entry.filename):
                continue
            # The upper half holds Unix's mode; archives made elsewhere leave it, or its file type, at zero.
            kind = stat.S_IFMT(entry.external_attr >> 16)
            yield entry.filename, kind in (0, stat.S_IFREG), partial(opened.open, entry)


def _tar_members(archive: Path, wanted: Callable[[str], bool]) -> Iterator[Member]:
    with tarfile.open(archive, "r:gz") as opened:
        for entry in opened:
            if entry.isdir() or not wanted(entry.name):
                continue
            yield entry.name, entry.isreg(), partial(_content, opened, entry)


def _content(opened: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    stream = opened.extractfile(entry)
    assert stream is not None, "only plain files are read"
    return stream


def _inside(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    # Backslashes and colons lead elsewhere on Windows; no archive that we read needs them.
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or not path.parts:
        raise GraftError(f"{archive.name}: {name!r} leads out of its folder; the archive is refused")
    return path


def _copy(source: IO[bytes], target: Path, room: int) -> int:
    """Copy at most ``room`` bytes and return what is left of it, negative if there were more."""
    with source, target.open("xb") as sink:
        while room >= 0 and (chunk := source.read(CHUNK)):
            room -= len(chunk)
            if room >= 0:
                sink.write(chunk)
    return room
