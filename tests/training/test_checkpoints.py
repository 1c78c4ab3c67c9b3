"""Unfinished work is found again by exactly the run it belongs to, one run at a time, and does not pile up."""

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from pipeline.settings.teach import TeachConfig
from pipeline.training import checkpoints
from pipeline.training.checkpoints import LOCK, MACHINE, checkpoint_folder, is_whole, seal, unfinished_work
from pipeline.training.leftovers import left_elsewhere


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
    for name, value in (("WORLD_SIZE", "2"), ("GRAFT_DETERMINISTIC", "0"), ("ACCELERATE_DYNAMO_BACKEND", "eager")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            found.add(checkpoint_folder("teach@a", {}, []))
    assert len(found) == 8


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


def test_work_of_a_machine_set_up_otherwise_is_named_kept_and_gone_in_the_end(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    left = leave({"rows": 3})
    with monkeypatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: 77)
        other = leave({"rows": 3})
        threads = json.loads((left / MACHINE).read_text())["machine"]["threads"]
        assert capsys.readouterr().out == (
            f"teach@a: unfinished work made with {threads} thread{'s' if threads > 1 else ''} lies in {left}; with 77 "
            f"threads the result would differ, so it starts anew; to go on with it set OMP_NUM_THREADS={threads}\n"
        )
        assert sorted(root.iterdir()) == sorted([left, other])
        # Other settings, and nobody can go on with either.
        last = leave({"rows": 4})
        assert list(root.iterdir()) == [last]
    leave({"rows": 4})
    with unfinished_work("teach@a", {"rows": 4}, []):
        assert len(list(root.iterdir())) == 2
    assert list(root.iterdir()) == []


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        (
            {"world_size": 2},
            {"world_size": 1},
            ["with 2 processes lies", "with 1 process the", "launch 2 proc"],
        ),
        (
            {"device_batch": 8},
            {"device_batch": None},
            ["GRAFT_DEVICE_BATCH=8 lies", "no GRAFT", "set GRAFT_DEV"],
        ),
        ({"device_batch": None}, {"device_batch": 8}, ["to go on with it unset GRAFT_DEVICE_BATCH"]),
        (
            {"threads": 1, "world_size": 4},
            {"threads": 2, "world_size": 1},
            ["1 thread, 4 processes lies", "set OMP_NUM_THREADS=1 and launch 4 processes"],
        ),
        ({"torch": "2.0"}, {"torch": "2.1"}, ["with torch 2.0 lies", "with torch 2.1 the", "starts anew"]),
    ],
)
def test_the_line_says_what_differs_and_how_to_go_on(then: dict, now: dict, said: list[str]) -> None:
    line = left_elsewhere(Path("work"), then, now)
    assert all(each in line for each in said), line
    assert ("to go on with it" in line) is ("torch" not in then)


def test_work_that_is_the_same_in_any_world_has_one_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = set()
    for world in ("1", "2"):
        monkeypatch.setenv("WORLD_SIZE", world)
        folders.add(checkpoint_folder("teach@a", {}, [], any_world=True))
    assert len(folders) == 1
