"""Artifacts are whole or absent, and the same values give the same bytes."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline import artifacts
from pipeline.artifacts import (
    iter_parquet,
    join_arrays,
    parquet_rows,
    publish,
    publish_together,
    read_array,
    read_json,
    read_parquet,
    required,
    take_rows,
    write_array,
    write_csv,
    write_json,
    write_parquet,
    write_text,
)
from pipeline.errors import GraftError


def interrupt(target: Path) -> None:
    with publish(target) as partial:
        partial.mkdir()
        (partial / "weights").write_text("half")
        raise KeyboardInterrupt


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with publish(target) as partial:
        partial.mkdir()
        (partial / "weights").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        interrupt(target)
    assert (target / "weights").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".partial-model").mkdir()
    (tmp_path / ".partial-model" / "stale").touch()
    with publish(tmp_path / "model") as partial:
        partial.mkdir()
    assert list((tmp_path / "model").iterdir()) == []


def test_a_folder_replaces_a_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with publish(tmp_path / "out") as partial:
            partial.mkdir()
            (partial / name).touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b"]


def test_round_trips_and_equal_bytes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "p": np.array([0.25, 0.5], np.float32)})
    array = np.arange(6, dtype=np.float16).reshape(2, 3)
    for name in ("one", "two"):
        write_parquet(tmp_path / name / "t.parquet", frame)
        write_csv(tmp_path / name / "t.csv", frame)
        write_array(tmp_path / name / "t.npy", array)
    write_json(tmp_path / "one" / "t.json", {"b": 1, "a": "é"})
    write_json(tmp_path / "two" / "t.json", {"a": "é", "b": 1})
    for name in ("t.parquet", "t.csv", "t.npy", "t.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "one" / "t.parquet"), frame)
    np.testing.assert_array_equal(read_array(tmp_path / "one" / "t.npy"), array)
    assert read_json(tmp_path / "one" / "t.json") == {"a": "é", "b": 1}


def test_json_refuses_what_is_no_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_missing_artifact_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="is missing; run `dvc repro`"):
        required(tmp_path / "none")


def test_a_large_array_joined_from_parts_has_the_bytes_of_numpys_own(tmp_path: Path) -> None:
    whole = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float16)
    for number, part in enumerate((whole[:20], whole[20:20], whole[20:])):
        write_array(tmp_path / f"{number}.npy", part)
    join_arrays(tmp_path / "joined.npy", [tmp_path / f"{number}.npy" for number in range(3)])
    np.save(tmp_path / "numpy.npy", whole)
    write_array(tmp_path / "once.npy", whole)
    assert (tmp_path / "joined.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()
    assert (tmp_path / "once.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()


def set_of_two(folder: Path, text: str) -> None:
    with publish_together(folder / "weights", folder / "tokens") as (weights, tokens):
        weights.mkdir()
        (weights / "layer").write_text(text)
        write_text(tokens, text)


@pytest.mark.parametrize("moves", range(4))
def test_files_that_belong_together_are_never_seen_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    set_of_two(tmp_path, "old")
    left = moves

    def replace(source: Path, target: Path) -> None:
        nonlocal left
        if source.name in (".partial-weights", ".partial-tokens", "weights", "tokens"):
            if not left:
                raise SystemExit
            left -= 1
        move(source, target)

    move = os.replace
    # A kill clears nothing up.
    monkeypatch.setattr("pipeline.artifacts._remove", lambda *paths: None)
    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(SystemExit):
        set_of_two(tmp_path, "new")
    found = {path.read_text() for path in (tmp_path / "weights/layer", tmp_path / "tokens") if path.exists()}
    assert found == ({"old"}, {"old"}, set(), {"new"})[moves]
    monkeypatch.undo()
    set_of_two(tmp_path, "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tokens", "weights"]
    assert (tmp_path / "weights/layer").read_text() == (tmp_path / "tokens").read_text() == "new"


TABLE = pd.DataFrame({"id": [f"r{row}" for row in range(20)], "share": np.arange(20, dtype=np.float32)})


@pytest.mark.parametrize("cuts", [[], [0, 7, 7], range(1, 20)])
def test_a_table_in_parts_has_the_bytes_of_one_that_is_whole(tmp_path: Path, cuts: list[int]) -> None:
    with parquet_rows(tmp_path / "parts") as table:
        for start, stop in zip([0, *cuts], [*cuts, 20], strict=True):
            table.append(TABLE[start:stop])
    write_parquet(tmp_path / "whole", TABLE)
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()


def test_lists_that_are_empty_at_first_are_lists_of_what_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = pd.DataFrame({"label": [[], [], ["a"], [], ["b", "a"], []]})
    with parquet_rows(tmp_path / "parts") as table:
        for start in range(6):
            table.append(lists[start : start + 1])
    write_parquet(tmp_path / "whole", lists)
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()
    monkeypatch.setattr(artifacts, "GROUP", 4)
    with parquet_rows(tmp_path / "groups") as table:
        for start in range(6):
            table.append(lists[start : start + 1])
    assert [list(each) for each in read_parquet(tmp_path / "groups")["label"]] == lists["label"].tolist()


def test_a_whole_group_of_empty_lists_is_followed_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "GROUP", 2)
    with parquet_rows(tmp_path / "t") as table:
        for labels in ([], [], ["a"], [], ["b", "a"]):
            table.append(pd.DataFrame({"label": [labels], "note": ["x" if labels else None]}))
    found = read_parquet(tmp_path / "t")
    assert [list(each) for each in found["label"]] == [[], [], ["a"], [], ["b", "a"]]
    assert found["note"].fillna("").tolist() == ["", "", "x", "", "x"]


def test_a_large_table_is_written_and_read_a_few_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "GROUP", 8)
    with parquet_rows(tmp_path / "t") as table:
        for start in range(0, 20, 5):
            table.append(TABLE[start : start + 5])
            assert table.rows < 8
    parts = list(iter_parquet(tmp_path / "t", rows=3))
    assert max(map(len, parts)) == 3
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), read_parquet(tmp_path / "t"))
    assert read_parquet(tmp_path / "t")["id"].tolist() == TABLE["id"].tolist()
    assert take_rows(tmp_path / "t", np.array([0, 7, 8, 19]))["id"].tolist() == ["r0", "r7", "r8", "r19"]


def test_a_table_without_rows_is_written_and_read(tmp_path: Path) -> None:
    with parquet_rows(tmp_path / "t") as table:
        table.append(TABLE[:0])
    assert [list(part.columns) for part in iter_parquet(tmp_path / "t")] == [["id", "share"]]
