"""What keeps ``pipeline.pull`` from its work is one line; what it fetches is tried over remotes in ``sharing``."""

from pathlib import Path

import pytest
from dvc.repo import Repo

from pipeline.pull import main


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC repository of one stage, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("a: 1\n")
    (tmp_path / "dvc.yaml").write_text("stages: {one: {cmd: echo, params: [a], outs: [x]}}\n")
    Repo.init(no_scm=True).close()
    return tmp_path


def line(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that it ends with; nothing is printed before."""
    with pytest.raises(SystemExit) as ended:
        main()
    said = str(ended.value.code)
    assert capsys.readouterr().out == ""
    assert "\n" not in said
    return said


@pytest.mark.parametrize("name", ["params.yaml", "dvc.yaml"])
def test_a_file_that_is_no_yaml(project: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (project / name).write_text("a: [")
    assert line(capsys).startswith(f"graft: pull: unable to read: '{name}'")


def test_another_dvc_at_work(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Repo() as other, other.lock:
        assert line(capsys).startswith("graft: pull: Unable to acquire lock")


def test_no_dvc_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert "is no DVC repository" in line(capsys)
