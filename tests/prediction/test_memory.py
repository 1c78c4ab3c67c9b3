"""What is read is let go of again, and so is what is written."""

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.streaming import FORMATS, make_texts, write_rows
from pipeline.deployment.classifier import CHUNK, Classifier
from pipeline.prediction.answers import Shape
from pipeline.prediction.formats import open_sink, open_source
from pipeline.prediction.rows import Texts
from tests.prediction.tables import read

ROWS = 40_000
# Two chunks, the one that is at hand and the one before, with what Python needs for each of their strings; held whole,
# the rows would take twice as much and more.
MOST = 2 * CHUNK * 800


@contextmanager
def bounded() -> Iterator[Callable[[], None]]:
    """Fail if the block, which calls what it is given now and then, holds more than ``MOST`` in Python or in Arrow."""
    before = pa.total_allocated_bytes()
    held: list[int] = []
    tracemalloc.start()
    try:
        yield lambda: held.append(pa.total_allocated_bytes() - before)
        assert tracemalloc.get_traced_memory()[1] < MOST
        assert max(held) < MOST
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", FORMATS)
def test_reading_holds_a_chunk_at_a_time(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"in.{kind}"
    write_rows(path, ROWS)
    rows = 0
    with bounded() as look:
        for chunk in open_source(path, "text").chunks(CHUNK):
            rows += len(chunk.rows)
            look()
    assert rows == ROWS


def test_writing_holds_a_row_group_at_a_time(tmp_path: Path, classifier: Classifier) -> None:
    source = Texts(make_texts(ROWS))
    answers = list(classifier.classify(make_texts(CHUNK)))
    with (
        bounded() as look,
        open_sink(tmp_path / "out.parquet", source, Shape(classifier.task, classifier.labels, True)) as sink,
    ):
        for chunk in source.chunks(CHUNK):
            sink.write(chunk, answers[: len(chunk.rows)])
            look()
    assert len(read(tmp_path / "out.parquet")) == ROWS


def test_more_is_seen(tmp_path: Path) -> None:
    write_rows(tmp_path / "in.txt", ROWS)
    with pytest.raises(AssertionError), bounded() as look:  # noqa: PT012
        held = list(open_source(tmp_path / "in.txt", "text").chunks(CHUNK))
        look()
        del held
