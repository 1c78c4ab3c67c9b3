"""From Trainer's log to a table of curves."""

from typing import Any

import pandas as pd

COLUMNS = {
    "step": "step",
    "epoch": "epoch",
    "loss": "train_loss",
    "eval_loss": "validation_loss",
    "eval_macro_f1": "validation_macro_f1",
    "eval_accuracy": "validation_accuracy",
    "eval_pearson": "validation_pearson",
    "eval_spearman": "validation_spearman",
    "eval_rmse": "validation_rmse",
}


def curve(history: list[dict[str, Any]]) -> pd.DataFrame:
    """One row per step that was evaluated, with what was measured but run times, which differ from run to run."""
    rows: dict[int, dict[str, Any]] = {}
    for entry in history:
        row = rows.setdefault(entry["step"], {})
        row.update({COLUMNS[key]: value for key, value in entry.items() if key in COLUMNS})
    evaluated = [rows[step] for step in sorted(rows) if "validation_loss" in rows[step]]
    measured = [name for name in COLUMNS.values() if not evaluated or any(name in row for row in evaluated)]
    return pd.DataFrame(evaluated, columns=measured)
