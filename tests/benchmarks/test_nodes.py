"""Two nodes in two network namespaces train together; one's cable is pulled, and the run that goes on ends the same."""

from pathlib import Path

import pytest

from benchmarks.nodes import Ended, _rows, show, unable
from pipeline.errors import GraftError

SAID = "worker: waiting\nfinetune@minilm: 1 of 2 processes here\nfinetune@minilm: done\n"


def test_a_run_that_ended_otherwise_than_it_must_is_no_row() -> None:
    well, ill = Ended(0, 12.34, "done"), Ended(1, 20.0, "graft: worker: lost")
    assert _rows("left alone", well, well, SAID)[0] == ["left alone", "dvc repro", "0", "12.3 s", "done"]
    assert [row[2] for row in _rows("cut", ill, ill, SAID)] == ["1", "1"]
    for run, head, other, said in (
        ("left alone", well, ill, SAID),
        ("left alone", well, well, ""),
        ("cut", ill, well, SAID),
        ("cut", ill, Ended(1, 61.0, "late"), SAID),
    ):
        with pytest.raises(GraftError):
            _rows(run, head, other, said)


@pytest.mark.long
def test_the_link_between_two_nodes_is_cut_and_mended(tmp_path: Path) -> None:
    reason = unable()
    if reason:  # no Linux, or no right to make namespaces
        assert "network namespaces" in reason
        return
    rows, identical = show(tmp_path / "nodes")
    assert [row[:2] for row in rows] == [
        [run, end] for run in ("left alone", "cut", "mended") for end in ("dvc repro", "worker")
    ]
    assert "no sign of life from graft-second" in rows[2][4]
    assert "nothing heard of the head 10.77.0.1:29600" in rows[3][4]
    assert identical
