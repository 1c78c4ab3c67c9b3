import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import GraftError
from pipeline.fetching.archives import unpack


def everything(_: str) -> bool:
    return True


def make_zip(path: Path, members: dict[str, bytes], modes: dict[str, int] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (modes or {}).get(name, 0o644 | stat.S_IFREG) << 16
            archive.writestr(entry, content)
    return path


def make_tar(path: Path, members: dict[str, bytes], **changes: object) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            for key, value in changes.items():
                setattr(entry, key, value)
            archive.addfile(entry, io.BytesIO(content))
    return path


MAKERS: list[tuple[str, Callable[..., Path]]] = [("a.zip", make_zip), ("a.whl", make_zip), ("a.tar.gz", make_tar)]


@pytest.mark.parametrize(("name", "make"), MAKERS)
def test_wanted_members_only(tmp_path: Path, name: str, make: Callable[..., Path]) -> None:
    archive = make(tmp_path / name, {"p/a.txt": b"a", "p/deep/b.txt": b"b", "q/c.txt": b"c"})
    written = unpack(archive, tmp_path / "out", lambda member: member.startswith("p/"))
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in written) == ["p/a.txt", "p/deep/b.txt"]
    assert (tmp_path / "out/p/deep/b.txt").read_bytes() == b"b"
    assert not (tmp_path / "out/q").exists()


@pytest.mark.parametrize(("name", "make"), MAKERS)
@pytest.mark.parametrize("member", ["../evil", "p/../../evil", "/evil", "C:/evil", "p\\..\\evil"])
def test_names_that_lead_out(tmp_path: Path, name: str, make: Callable[..., Path], member: str) -> None:
    archive = make(tmp_path / name, {member: b"x"})
    with pytest.raises(GraftError, match="leads out of its folder"):
        unpack(archive, tmp_path / "room" / "out", everything)
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar(tmp_path: Path, kind: bytes) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", {"link": b""}, type=kind, linkname="../target")
    with pytest.raises(GraftError, match="no plain file"):
        unpack(archive, tmp_path / "out", everything)
    assert not list((tmp_path / "out").iterdir())


def test_a_link_in_a_zip(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"link": b"../target"}, {"link": 0o777 | stat.S_IFLNK})
    with pytest.raises(GraftError, match="no plain file"):
        unpack(archive, tmp_path / "out", everything)


@pytest.mark.parametrize(("name", "make"), MAKERS)
def test_a_bomb_stops_at_the_limit(tmp_path: Path, name: str, make: Callable[..., Path]) -> None:
    archive = make(tmp_path / name, {"a": bytes(3_000_000), "b": bytes(3_000_000)})
    with pytest.raises(GraftError, match="more than 4,000,000 bytes"):
        unpack(archive, tmp_path / "out", everything, limit=4_000_000)
    assert sum(path.stat().st_size for path in (tmp_path / "out").iterdir()) <= 4_000_000


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_occurs_twice(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a", b"1")
        opened.writestr("a", b"2")
    with pytest.raises(GraftError, match="occurs twice"):
        unpack(archive, tmp_path / "out", everything)


@pytest.mark.parametrize(("name", "make"), MAKERS)
def test_archives_cut_short(tmp_path: Path, name: str, make: Callable[..., Path]) -> None:
    archive = make(tmp_path / name, {"a": bytes(range(256)) * 1000})
    archive.write_bytes(archive.read_bytes()[:300])
    with pytest.raises(GraftError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out", everything)


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", {"a": b"1", "a/b": b"2"})
    with pytest.raises(GraftError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out", everything)
