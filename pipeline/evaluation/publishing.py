"""What is published of an evaluation: its predictions and its figures, never one without the other."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from pipeline.artifacts import publish_together, write_json, write_parquet

PREDICTIONS = Path("predictions")
METRICS = Path("metrics")
PARTS = METRICS / "parts"

# What DVC's tables show, few enough to be read side by side; the others are about parts: a label, a domain, a setting.
WHOLE = (
    "accuracy",
    "macro_f1",
    "macro_f1_low",
    "macro_f1_high",
    "pearson",
    "pearson_low",
    "pearson_high",
    "spearman",
    "rmse",
    "retention",
    "gain",
    "gain_low",
    "gain_high",
    "agreement",
    "applicable",
    "reason",
)


def publish_evaluation(model: str, predictions: pd.DataFrame, result: Mapping[str, float | str]) -> None:
    """Write ``predictions/MODEL.parquet``; of ``result`` the whole to ``metrics/MODEL.json``, the rest to ``parts``."""
    targets = (PREDICTIONS / f"{model}.parquet", METRICS / f"{model}.json", PARTS / f"{model}.json")
    with publish_together(*targets) as (table, whole, parts):
        write_parquet(table, predictions)
        write_json(whole, {name: value for name, value in result.items() if name in WHOLE})
        write_json(parts, {name: value for name, value in result.items() if name not in WHOLE})
