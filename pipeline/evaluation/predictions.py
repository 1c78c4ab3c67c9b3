"""The table of predictions: its columns, how it is built and how two of them are read together.

Columns: ``id``, ``label`` and ``predicted`` (label names), then one ``p_<label>`` per label, in the
task's order. The prefix keeps a label that happens to be called ``id`` from taking another's place.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.errors import GraftError

PREFIX = "p_"
DECIMALS = 6


def prediction_frame(
    ids: Sequence[str] | pd.Series, labels: Sequence[str] | pd.Series, probabilities: np.ndarray, names: Sequence[str]
) -> pd.DataFrame:
    """Return one row per text from ``probabilities`` (rows, labels).

    Probabilities are rounded to six decimals and kept as float32. ``predicted`` is the largest of the
    rounded ones, the first of equals, so whoever recomputes it from the file finds the same label.
    """
    if probabilities.shape != (len(ids), len(names)):
        raise GraftError(f"probabilities have the shape {probabilities.shape}, expected ({len(ids)}, {len(names)})")
    if not np.isfinite(probabilities).all():
        raise GraftError("the model gave probabilities that are not numbers; lower its learning_rate and train again")
    rounded = np.round(probabilities.astype(np.float64), DECIMALS).astype(np.float32)
    predicted = np.asarray(names, dtype=object)[rounded.argmax(axis=1)] if len(ids) else np.empty(0, dtype=object)
    columns: dict[str, object] = {
        "id": pd.Series(list(ids), dtype="str"),
        "label": pd.Series(list(labels), dtype="str"),
        "predicted": pd.Series(predicted, dtype="str"),
    }
    columns |= {f"{PREFIX}{name}": rounded[:, at] for at, name in enumerate(names)}
    return pd.DataFrame(columns)


def label_ids(column: pd.Series, names: Sequence[str]) -> np.ndarray:
    """Return the position of each label of ``column`` in ``names``, as int64."""
    found = pd.Index(list(names)).get_indexer(pd.Index(column))
    if (found < 0).any():
        unknown = column[found < 0].iloc[0]
        raise GraftError(f"predictions hold the label {unknown!r}, not one of {', '.join(names)}; run `dvc repro`")
    return found.astype(np.int64)


def require_same_rows(first: pd.DataFrame, *others: pd.DataFrame) -> None:
    """Raise GraftError unless all frames hold the same texts in the same order."""
    for other in others:
        if first["id"].tolist() != other["id"].tolist():
            raise GraftError("predictions to compare are of different texts; run `dvc repro`, which renews them all")
