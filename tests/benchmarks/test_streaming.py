"""The command over few and over many rows: its memory is the same."""

from pathlib import Path

import pytest

from benchmarks.streaming import LIMIT, Run, compare, make_texts, render
from pipeline.errors import GraftError
from tests.prediction.conftest import exported, trained  # noqa: F401  (fixtures)


def test_memory_is_flat_and_no_row_is_missing(exported: Path) -> None:  # noqa: F811
    # Were the answers kept, 25,000 more of them would take a third more memory.
    found = compare(exported, rows=30_000, formats=["txt"], few=5_000)
    table, worst = render(found)
    assert [(few.rows, many.rows) for few, many in found.values()] == [(5_000, 30_000)]
    assert 0.8 < worst <= LIMIT, table


def test_a_ratio_that_is_too_large_and_a_lost_row_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert render({"csv": (Run(1, 1, 100), Run(9, 3, 121)), "txt": (Run(1, 1, 100), Run(9, 1, 100))})[1] > LIMIT

    def measure(model: Path, source: Path, target: Path) -> Run:
        target.touch()
        return Run(rows=1, seconds=1, megabytes=1)

    monkeypatch.setattr("benchmarks.streaming.measure", measure)
    with pytest.raises(GraftError, match="csv: 5 rows went in, 1 came out"):
        compare(tmp_path, rows=9, formats=["csv"], few=5)


def test_texts_are_distinct_and_the_same_each_time() -> None:
    assert list(make_texts(50)) == list(make_texts(50))
    assert len(set(make_texts(50))) == 50
