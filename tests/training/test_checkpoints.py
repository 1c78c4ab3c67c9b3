"""Unfinished work is found again by exactly the run it belongs to."""

from pathlib import Path

import pytest

from pipeline.training.checkpoints import checkpoint_folder


def test_anything_that_could_change_the_result_gives_another_folder(tmp_path: Path) -> None:
    weights, tokens = tmp_path / "model", tmp_path / "tokens.arrow"
    weights.mkdir()
    (weights / "weights").write_text("w")
    tokens.write_text("t")
    folder = checkpoint_folder("teach@a", {"rows": 3}, [weights, tokens])
    assert folder == checkpoint_folder("teach@a", {"rows": 3}, [tokens, weights])
    assert folder != checkpoint_folder("teach@b", {"rows": 3}, [weights, tokens])
    assert folder != checkpoint_folder("teach@a", {"rows": 4}, [weights, tokens])
    (weights / "weights").write_text("v")
    assert folder != checkpoint_folder("teach@a", {"rows": 3}, [weights, tokens])


def test_it_lies_in_the_repository_that_dvc_was_started_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert checkpoint_folder("teach@a", {}, []).is_relative_to(tmp_path / ".checkpoints" / "teach@a")
