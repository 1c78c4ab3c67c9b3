"""The table of predictions: its columns, how it is built and how two of them are read together.

Columns: ``id``, ``label`` and ``predicted`` (a name, a list of names, or a number), then, but of a number, one
``p_<label>`` per label, in the task's order. The prefix keeps a label that happens to be called ``id`` from taking
another's place.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import GraftError
from pipeline.evaluation.measures import measure_of
from pipeline.task import Task

PREFIX = "p_"
DECIMALS = 6


def prediction_frame(
    ids: Sequence[str] | pd.Series, labels: Sequence[Any] | pd.Series, answers: np.ndarray, task: Task
) -> pd.DataFrame:
    """Return one row per text from ``answers`` (rows, labels) of ``Task.answers``.

    They are rounded to six decimals and kept as float32; what is predicted follows from the rounded ones (of equal
    probabilities the first), so whoever recomputes it from the file finds the same.
    """
    names = task.labels
    if answers.shape != (len(ids), len(names)):
        raise GraftError(f"answers have the shape {answers.shape}, expected ({len(ids)}, {len(names)})")
    if not np.isfinite(answers).all():
        raise GraftError("the model gave answers that are not numbers; lower its learning_rate and train again")
    rounded = np.round(answers.astype(np.float64), DECIMALS).astype(np.float32)
    frame = pd.DataFrame({"id": pd.Series(list(ids), dtype="str")})
    if task.kind == "regression":
        return frame.assign(label=pd.Series(list(labels), dtype="float64"), predicted=rounded[:, 0])
    said = measure_of(task).decide(rounded)
    if task.kind == "multi_label":
        predicted = [[name for name, given in zip(names, row, strict=True) if given] for row in said]
        columns: dict[str, object] = {"label": [list(each) for each in labels], "predicted": predicted}
    else:
        found = np.asarray(names, dtype=object)[said] if len(said) else np.empty(0, dtype=object)
        columns = {"label": pd.Series(list(labels), dtype="str"), "predicted": pd.Series(found, dtype="str")}
    columns |= {f"{PREFIX}{name}": rounded[:, at] for at, name in enumerate(names)}
    return pd.concat([frame, pd.DataFrame(columns)], axis=1)


def require_same_rows(first: pd.DataFrame, *others: pd.DataFrame) -> None:
    """Raise GraftError unless all frames hold the same texts in the same order."""
    for other in others:
        if first["id"].tolist() != other["id"].tolist():
            raise GraftError("predictions to compare are of different texts; run `dvc repro`, which renews them all")
