"""What teachers said of the transfer set, brought together for a student."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.errors import GraftError
from pipeline.tokens.alignment import align, align_states
from pipeline.tokens.table import TokenTable, flat_positions


@dataclass(frozen=True)
class TeacherSignals:
    """What one teacher said, row i of the text ``ids[i]``: ``logits`` (N, labels) and ``pooled`` (N, width)."""

    teacher: str
    ids: pd.Series
    logits: np.ndarray
    pooled: np.ndarray


def check_rows(signals: Sequence[TeacherSignals], ids: pa.Array) -> None:
    """Raise GraftError if a teacher read other texts than the rows ``ids``, or the same in another order."""
    wanted = pa.chunked_array([ids.cast(pa.large_string())])
    for each in signals:
        if not pa.chunked_array([pa.array(each.ids, pa.large_string())]).equals(wanted):
            raise GraftError(f"signals/{each.teacher} are of another transfer set; run `dvc repro`, which renews them")


def average_logits(signals: Sequence[TeacherSignals]) -> np.ndarray:
    """Mean of the teachers' logits, (N, labels) float32."""
    return np.stack([each.logits for each in signals]).mean(axis=0, dtype=np.float32)


def join_pooled(signals: Sequence[TeacherSignals]) -> np.ndarray:
    """The teachers' sentence vectors side by side, (N, sum of widths) float16.

    Each is centred, for what all texts share says nothing of any, and scaled to a mean length of 1, so that
    every teacher weighs alike in the products of vectors.
    """
    return np.concatenate([_centred(each.pooled) for each in signals], axis=1)


def _centred(pooled: np.ndarray) -> np.ndarray:
    rows = pooled.astype(np.float32)
    rows -= rows.mean(axis=0)
    length = float(np.linalg.norm(rows, axis=1).mean())
    return (rows / length if length > 0 else rows).astype(np.float16)


class AlignedTokens:
    """What the teachers' tokens of the same characters say of each token of the student's table.

    Indexed with row numbers (B,) it gives (B, T, sum of widths) float32, T the longest of them; zeros for padding
    and for tokens that no teacher's token overlaps.
    """

    def __init__(self, table: TokenTable, teachers: Sequence[tuple[TokenTable, np.ndarray]]) -> None:
        """Align ``table`` with each teacher's table, whose token states are (total tokens, width)."""
        self.table = table
        self.parts = [(align(table, other), states) for other, states in teachers]

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Return the entries of ``rows``."""
        flat, mask = flat_positions(self.table, rows)
        said = [align_states(states, ranges[flat])[0] for ranges, states in self.parts]
        entries = np.zeros((*mask.shape, sum(states.shape[1] for states in said)), np.float32)
        entries[mask] = np.concatenate(said, axis=1)
        return entries


def gold_labels(ids: pa.Array, labelled_ids: pa.Array, labels: np.ndarray) -> np.ndarray:
    """The gold targets of the rows ``ids``; texts that have none get -100 in (N,) int64, NaN in (N, labels) float32."""
    places = pd.Series(np.arange(len(labels)), index=labelled_ids.to_pandas()).reindex(ids.to_pandas())
    known = places.notna().to_numpy()
    nothing = -100 if np.issubdtype(labels.dtype, np.integer) else np.nan
    found = np.full((len(ids), *labels.shape[1:]), nothing, labels.dtype)
    found[known] = labels[places[known].to_numpy(np.int64)]
    return found
