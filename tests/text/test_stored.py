"""Rows on disk are read as they were written, some at a time."""

from itertools import islice
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from pipeline.settings.data import FileData
from pipeline.text import sources, stored
from pipeline.text.ids import unaltered_texts
from pipeline.text.sources import iter_raw
from pipeline.text.stored import StoredTexts, stored_unaltered

PAIRS = [(f"first {row}", f"second {row}") for row in range(10)]


@pytest.mark.parametrize("rows", [None, [], [0], [2, 3, 4, 9]])
def test_chosen_rows_come_in_batches_with_their_numbers(tmp_path: Path, rows: list[int] | None) -> None:
    texts = StoredTexts(tmp_path, is_pair=True)
    texts.append([str(row) for row in range(4)], PAIRS[:4])
    texts.append([str(row) for row in range(4, 10)], PAIRS[4:])
    with mock.patch.object(stored, "BATCH", 3):
        batches = list(texts.batches(None if rows is None else np.array(rows, np.int64)))
    wanted = list(range(10)) if rows is None else rows
    assert [row for numbers, _ in batches for row in numbers.tolist()] == wanted
    frame = pd.concat([table for _, table in batches])
    assert frame["id"].tolist() == [str(row) for row in wanted]
    assert list(zip(frame["text"], frame["text_pair"], strict=True)) == [PAIRS[row] for row in wanted]
    assert max(len(table) for _, table in batches) <= 3
    assert texts.text(7) == PAIRS[7]


@pytest.mark.parametrize("pairs", [False, True])
def test_unaltered_texts_in_parts_are_those_of_the_whole(tmp_path: Path, pairs: bool) -> None:
    frame = pd.DataFrame({"id": ["a", "b", "a#cut-1", "c"], "text": ["x", "y", "no", "x"]}, dtype=object)
    frame = frame.assign(text_pair=["y", "z", "no", "w"]) if pairs else frame
    parts = [frame[:1], frame[1:3], frame[3:]]
    assert list(stored_unaltered(lambda: parts, tmp_path)) == unaltered_texts(frame)


def test_a_table_is_read_no_further_than_it_is_asked_for(tmp_path: Path) -> None:
    rows = "".join(f"text {row},good\n" for row in range(50))
    (tmp_path / "data.csv").write_text(f'text,label\n{rows}"never closed,bad\n')
    data = FileData(source="file", path="x", text="text", label="label")
    with mock.patch.object(sources, "BATCH", 10):
        parts = list(islice(iter_raw(tmp_path, data), 3))
    assert [len(part.frame) for part in parts] == [10, 10, 10]
    assert parts[2].frame["id"].tolist()[0] == "row-21"
