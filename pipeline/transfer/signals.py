"""What teachers said of the transfer set, brought together for a student."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.errors import GraftError


@dataclass(frozen=True)
class TeacherSignals:
    """One teacher's logits (N, labels), row i of the text ``ids[i]``."""

    teacher: str
    ids: pd.Series
    logits: np.ndarray


def average_logits(signals: Sequence[TeacherSignals], ids: pa.Array) -> np.ndarray:
    """Mean of the teachers' logits, (N, labels) float32, for the rows ``ids`` of the student's token table.

    Raises GraftError if a teacher read other texts, or the same in another order.
    """
    wanted = pa.chunked_array([ids.cast(pa.large_string())])
    for each in signals:
        if not pa.chunked_array([pa.array(each.ids, pa.large_string())]).equals(wanted):
            raise GraftError(f"signals/{each.teacher} are of another transfer set; run `dvc repro`, which renews them")
    return np.stack([each.logits for each in signals]).mean(axis=0, dtype=np.float32)
