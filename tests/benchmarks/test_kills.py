"""Killed runs of real stages under real DVC end as undisturbed ones; the table counts what the kills did."""

from pathlib import Path

import pytest

from benchmarks.kills import Killed, run_kills, table


def test_the_table_has_a_row_for_each_stage_that_was_killed_and_one_for_all() -> None:
    found = [
        Killed("finetune@minilm", "SIGKILL stage", 1.0, True, True, 3.0, 0.1, 0),
        Killed("finetune@minilm", "SIGKILL dvc", 2.0, False, False, 5.0, 30.0, 1),
        Killed("teach@minilm", "SIGINT both", 2.0, True, True, 10.0, 1.5, 0),
    ]
    assert table(found).splitlines()[2:] == [
        "| finetune@minilm | 1 of 2 | 1 | 4.0 s | 5.0 s | 30.0 s | 1 |",
        "| teach@minilm | 1 of 1 | 1 | 10.0 s | 10.0 s | 1.5 s | 0 |",
        "| all | 2 of 3 | 2 | 5.0 s | 10.0 s | 30.0 s | 1 |",
    ]


@pytest.mark.long
def test_two_kills_of_a_projects_training(tmp_path: Path) -> None:
    found = run_kills(tmp_path / "kills", kills=2, seed=1, among=["finetune@minilm"])
    assert [(each.identical, each.left) for each in found] == [(True, 0)] * 2
