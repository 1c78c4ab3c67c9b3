"""What is published of an evaluation: its predictions and its figures, never one without the other."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from pipeline.artifacts import publish_together, write_json, write_parquet

PREDICTIONS = Path("predictions")
METRICS = Path("metrics")


def publish_evaluation(model: str, predictions: pd.DataFrame, result: Mapping[str, float | str]) -> None:
    """Write ``predictions/MODEL.parquet`` and ``metrics/MODEL.json``."""
    with publish_together(PREDICTIONS / f"{model}.parquet", METRICS / f"{model}.json") as (table, figures):
        write_parquet(table, predictions)
        write_json(figures, result)
