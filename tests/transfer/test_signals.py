import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.errors import GraftError
from pipeline.transfer.signals import TeacherSignals, average_logits

IDS = ["a", "b"]


def test_mean_over_the_teachers() -> None:
    signals = [TeacherSignals(str(at), pd.Series(IDS), np.full((2, 3), at, np.float32)) for at in (1, 3)]
    mean = average_logits(signals, pa.array(IDS))
    assert mean.dtype == np.float32
    np.testing.assert_array_equal(mean, np.full((2, 3), 2))


@pytest.mark.parametrize("ids", [["b", "a"], ["a"], ["a", "c"]])
def test_signals_of_other_texts_are_refused(ids: list[str]) -> None:
    signals = [TeacherSignals("t", pd.Series(ids), np.zeros((len(ids), 3), np.float32))]
    with pytest.raises(GraftError, match="signals/t are of another transfer set"):
        average_logits(signals, pa.array(IDS))
