import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import GraftError
from pipeline.tokens.batches import BatchCollator, TokenDataset, batches_by_length, pad_rows
from pipeline.tokens.table import TokenSpool, TokenTable, read_tokens, slice_rows, write_tokens

Rows = list[list[int]]


def table(rows: Rows, labelled: bool = True, with_spans: bool = False) -> TokenTable:
    offsets = np.cumsum([0] + [len(row) for row in rows]).astype(np.int64)
    flat = np.array([token for row in rows for token in row], np.int32)
    labels = np.arange(len(rows), dtype=np.int64) if labelled else None
    spans = np.stack([flat, flat + 1], axis=1) if with_spans else None
    return TokenTable(pa.array([f"r{at}" for at in range(len(rows))], pa.large_string()), flat, offsets, labels, spans)


def rows_of(tokens: TokenTable) -> Rows:
    pairs = zip(tokens.offsets, tokens.offsets[1:], strict=False)
    return [tokens.input_ids[start:end].tolist() for start, end in pairs]


ROWS = [[5, 6, 7], [8], [], [9, 10]]


def test_targets_of_several_columns_are_read_as_they_were_written(tmp_path: Path) -> None:
    targets = np.array([[0, 1], [1, 1], [0, 0], [0.5, -2]], np.float32)
    write_tokens(tmp_path / "t.arrow", dataclasses.replace(table(ROWS, with_spans=True), labels=targets))
    read = read_tokens(tmp_path / "t.arrow")
    np.testing.assert_array_equal(read.labels, targets)
    batch = BatchCollator(0)([TokenDataset(read)[row] for row in (3, 1)])
    np.testing.assert_array_equal(batch["labels"], targets[[3, 1]])


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("with_spans", [True, False])
def test_what_is_written_is_read(tmp_path: Path, labelled: bool, with_spans: bool) -> None:
    written = table(ROWS, labelled, with_spans)
    write_tokens(tmp_path / "t.arrow", written)
    read = read_tokens(tmp_path / "t.arrow")
    assert rows_of(read) == ROWS
    assert read.ids.to_pylist() == ["r0", "r1", "r2", "r3"]
    assert (read.labels is None) != labelled
    assert (read.spans is None) != with_spans
    np.testing.assert_array_equal(read.spans, written.spans)
    assert [path.name for path in tmp_path.iterdir()] == ["t.arrow"], "reading must not write a cache beside the file"


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_tokens(tmp_path / name, table(ROWS, with_spans=True))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_missing_table_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="dvc repro"):
        read_tokens(tmp_path / "none.arrow")


def test_padding_on_the_right() -> None:
    batch = pad_rows(table(ROWS), np.array([3, 0, 1]), pad_token_id=1)
    assert batch["input_ids"].tolist() == [[9, 10, 1], [5, 6, 7], [8, 1, 1]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1], [1, 0, 0]]


def test_signals_follow_their_rows() -> None:
    signals = {"teacher_logits": np.arange(8, dtype=np.float32).reshape(4, 2)}
    train, validation = TokenDataset(table(ROWS), signals), TokenDataset(table(ROWS))
    batch = BatchCollator(0)([train[3], train[0]])
    assert batch["teacher_logits"].tolist() == [[6, 7], [0, 1]]
    assert batch["labels"].tolist() == [3, 0]
    assert "teacher_logits" not in BatchCollator(0)([validation[0]])


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 64))
def test_batches_cover_every_row_once_within_the_token_budget(lengths: list[int], budget: int) -> None:
    batches = list(batches_by_length(np.array(lengths, np.int64), budget))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        assert (
            len(batch) == 1
            or len(batch) * max(lengths[row] for row in batch) <= budget
            or max(lengths[row] for row in batch) == 0
        )


@pytest.mark.parametrize("with_spans", [True, False])
def test_a_table_that_was_put_together_on_disk_has_the_same_bytes(tmp_path: Path, with_spans: bool) -> None:
    whole = table([[5, 6, 7], [8], [], [9, 10], [11]], with_spans=with_spans)
    spool = TokenSpool(tmp_path)
    for rows in ([0, 1], [2], [3, 4]):
        spool.append(slice_rows(whole, np.array(rows)))
    write_tokens(tmp_path / "parts", spool.table())
    write_tokens(tmp_path / "whole", whole)
    assert (tmp_path / "parts").read_bytes() == (tmp_path / "whole").read_bytes()
