"""Several teachers' signals brought together, and gold labels found for the texts that have one."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.errors import GraftError
from pipeline.transfer.signals import TeacherSignals, average_logits, check_rows, gold_labels, join_pooled

IDS = ["a", "b"]


def said(value: float = 0.0, ids: list[str] = IDS, pooled: np.ndarray | None = None) -> TeacherSignals:
    states = np.zeros((len(ids), 2), np.float16) if pooled is None else pooled
    return TeacherSignals("t", pd.Series(ids), np.full((len(ids), 3), value, np.float32), states)


def test_mean_over_the_teachers() -> None:
    mean = average_logits([said(1), said(3)])
    assert mean.dtype == np.float32
    np.testing.assert_array_equal(mean, np.full((2, 3), 2))


def test_sentence_vectors_side_by_side_centred_and_of_length_one_on_average() -> None:
    wide = np.array([[10.0, 0.0, 0.0], [12.0, 0.0, 0.0]], np.float16)
    narrow = np.array([[0.0, 5.0], [0.0, 5.5]], np.float16)
    joined = join_pooled([said(pooled=wide), said(pooled=narrow)])
    np.testing.assert_allclose(joined, [[-1, 0, 0, 0, -1], [1, 0, 0, 0, 1]], atol=1e-3)
    assert not join_pooled([said()]).any(), "vectors that say nothing stay zero"


@pytest.mark.parametrize("ids", [["b", "a"], ["a"], ["a", "c"]])
def test_signals_of_other_texts_are_refused(ids: list[str]) -> None:
    check_rows([said()], pa.array(IDS))
    with pytest.raises(GraftError, match="signals/t are of another transfer set"):
        check_rows([said(), said(ids=ids)], pa.array(IDS))


def test_gold_labels_of_the_labelled_rows() -> None:
    found = gold_labels(pa.array(["a", "a#cut-1", "b", "x"]), pa.array(["b", "a"]), np.array([2, 0]))
    assert found.tolist() == [0, -100, 2, -100]
