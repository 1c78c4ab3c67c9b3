"""What grows is seen to grow."""

from pathlib import Path

import pytest

from benchmarks.scale import Run, exponent, make_rows, measure, render
from pipeline.errors import GraftError


def test_the_exponent_is_that_of_what_a_start_does_not_take() -> None:
    sizes = [10, 100, 1000]
    # Imports are known to take 3 seconds; that a model is loaded in 2 more is not.
    assert exponent(sizes, [5 + size for size in sizes], 3) == pytest.approx(1)
    assert exponent(sizes[1:], [3 + size**1.5 for size in sizes[1:]], 3) == pytest.approx(1.5)
    assert exponent(sizes, [5 + size**1.1 for size in sizes], 3) > 1.08


def test_time_and_memory_that_grow_are_faults() -> None:
    few, many = Run(2, 1, 100, 150), Run(11, 1, 119, 400)
    table, kept = render([10, 100], {"teach": [few, many]})
    assert kept
    assert "| teach | 2.0 s | 11.0 s | 9 | 1.00 | 100 (150) MB | 119 (400) MB | 1.19 |" in table
    assert not render([10, 100], {"teach": [few, Run(11, 1, 121, 400)]})[1]
    assert not render([10, 100], {"teach": [few, Run(20, 1, 119, 400)]})[1]


def test_rows_are_the_same_each_time_and_some_are_copies() -> None:
    rows = list(make_rows(500))
    assert rows == list(make_rows(500))
    assert len({text for text, _ in rows}) == 490
    assert len(set(rows)) == 490, "a copy has the label of its text"


def test_memory_is_that_of_the_process(tmp_path: Path) -> None:
    (tmp_path / "holds.py").write_text("import time\nheld = bytearray(80_000_000)\ntime.sleep(0.3)\n")
    (tmp_path / "fails.py").write_text("import sys\nif __name__ == '__main__':\n    sys.exit('out of paper')\n")
    assert 80 < measure(tmp_path, ["holds"]).own < 120
    with pytest.raises(GraftError, match="out of paper"):
        measure(tmp_path, ["fails"])
