"""Two worlds side by side: the stages' own lines are read, and signals are told apart to the last byte."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.worlds import READ, TRAINED, difference
from pipeline.artifacts import write_array


def test_the_stages_lines_are_read() -> None:
    line = "control@bilstm: 1,500 steps, 375 of them in an earlier run; 9 checkpoints took 1.8 of 92.0 seconds (2.0 %)"
    trained = TRAINED.search(line)
    read = READ.search("teach@minilm: 16,384 texts read, 1,024 a second; 0 from an earlier run")
    assert trained is not None
    assert read is not None
    assert (trained[1], read[1], read[2]) == ("92.0", "16,384", "1,024")


def test_signals_are_the_same_or_differ_by_so_much(tmp_path: Path) -> None:
    for folder, at in (("one", 1.0), ("same", 1.0), ("other", 1.5)):
        write_array(tmp_path / folder / "logits.npy", np.array([[0.0, at]], np.float32))
    assert difference(tmp_path / "one", tmp_path / "same") == "the same bytes"
    assert difference(tmp_path / "one", tmp_path / "other") == "logits differ by 0.5 at most"


@pytest.mark.parametrize("line", ["control@bilstm: nothing", "teach@minilm: texts read"])
def test_other_lines_are_not(line: str) -> None:
    assert TRAINED.search(line) is READ.search(line) is None
