"""Unfinished work is found again by exactly the run it belongs to, one run at a time, and does not pile up."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from pipeline.settings.teach import TeachConfig
from pipeline.training import checkpoints
from pipeline.training.checkpoints import LOCK, checkpoint_folder, is_whole, seal, unfinished_work


def test_anything_that_could_change_the_result_gives_another_folder(tmp_path: Path) -> None:
    weights, tokens = tmp_path / "model", tmp_path / "tokens.arrow"
    weights.mkdir()
    (weights / "weights").write_text("w")
    tokens.write_text("t")
    folder = checkpoint_folder("teach@a", {"rows": 3}, [weights, tokens])
    assert folder == checkpoint_folder("teach@a", {"rows": 3}, [tokens, weights])
    assert folder != checkpoint_folder("teach@b", {"rows": 3}, [weights, tokens])
    assert folder != checkpoint_folder("teach@a", {"rows": 4}, [weights, tokens])
    assert folder != checkpoint_folder("teach@a", {"rows": TeachConfig()}, [weights, tokens])
    assert len({checkpoint_folder("teach@a", {"rows": TeachConfig(batch_tokens=at)}, []) for at in (1, 2)}) == 2
    (weights / "weights").write_text("v")
    assert folder != checkpoint_folder("teach@a", {"rows": 3}, [weights, tokens])


def test_another_machine_code_or_world_gives_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code.py").write_text("1")
    monkeypatch.setattr(checkpoints, "PACKAGE", tmp_path)
    found = {checkpoint_folder("teach@a", {}, [])}
    (tmp_path / "code.py").write_text("2")
    found.add(checkpoint_folder("teach@a", {}, []))
    for name, change in (
        ("get_num_threads", lambda: 77),
        ("backends.cpu.get_cpu_capability", lambda: "another"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"torch.{name}", change)
            found.add(checkpoint_folder("teach@a", {}, []))
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "version", lambda name: "0")
        found.add(checkpoint_folder("teach@a", {}, []))
    monkeypatch.setenv("WORLD_SIZE", "2")
    found.add(checkpoint_folder("teach@a", {}, []))
    assert len(found) == 6


def test_it_lies_in_the_repository_that_dvc_was_started_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert checkpoint_folder("teach@a", {}, []).is_relative_to(tmp_path / ".checkpoints" / "teach@a")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path / ".checkpoints" / "teach@a"


def leave(settings: dict) -> Path:
    """Begin work and fail."""
    with suppress(KeyboardInterrupt), unfinished_work("teach@a", settings, []) as folder:
        (folder / "shard").write_text("half of it")
        raise KeyboardInterrupt
    return folder


def test_what_a_failure_leaves_is_there_again_and_gone_after_a_success(root: Path) -> None:
    left = leave({"rows": 3})
    with unfinished_work("teach@a", {"rows": 3}, []) as folder:
        assert folder == left
        assert (folder / "shard").read_text() == "half of it"
    assert list(root.iterdir()) == []


def test_other_settings_start_from_nothing_and_clear_what_was_left(root: Path) -> None:
    left = leave({"rows": 3})
    other = leave({"rows": 4})
    assert other != left
    assert [path.name for path in root.iterdir()] == [other.name]
    (root / ".gone-1234").mkdir()
    leave({"rows": 4})
    assert [path.name for path in root.iterdir()] == [other.name]


def test_work_that_a_process_holds_is_neither_cleared_nor_shared(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(checkpoints, "PATIENCE", 0.1)
    left = leave({"rows": 3})
    with FileLock(left / LOCK):
        other = leave({"rows": 4})
        assert sorted(root.iterdir()) == sorted([left, other])
        own = leave({"rows": 3})
        assert own == left.with_name(f"{left.name}-{os.getpid()}")
        assert "another process does the same work" in capsys.readouterr().out
        assert (left / "shard").exists()
    leave({"rows": 3})
    assert list(root.iterdir()) == [left]


def test_a_seal_holds_until_a_file_changes_comes_or_goes(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "weights").write_text("w")
    torch.save({"a": 1}, folder / "optimizer.pt")
    assert not is_whole(folder)
    seal(folder)
    assert is_whole(folder)
    (folder / "more").touch()
    assert not is_whole(folder)
    (folder / "more").unlink()
    assert is_whole(folder)
    (folder / "below" / "weights").write_text("v")
    assert not is_whole(folder)
    seal(folder)
    (folder / "whole.json").write_text((folder / "whole.json").read_text()[:-20])
    assert not is_whole(folder)
