"""What is published of an evaluation: its predictions and its figures, never one without the other."""

from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.artifacts import iter_parquet, parquet_rows, publish_together, write_json
from pipeline.evaluation.predictions import require_same_rows
from pipeline.task import Task

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
    publish_in_parts(model, [predictions], lambda _: result)


def publish_in_parts(
    model: str, parts: Iterable[pd.DataFrame], measure: Callable[[Path], Mapping[str, float | str]]
) -> Mapping[str, float | str]:
    """Publish predictions that come in parts, at least one, and what ``measure`` returns of their file."""
    targets = (PREDICTIONS / f"{model}.parquet", METRICS / f"{model}.json", PARTS / f"{model}.json")
    with publish_together(*targets) as (table, whole, rest):
        with parquet_rows(table) as rows:
            for part in parts:
                rows.append(part)
        result = measure(table)
        write_json(whole, {name: value for name, value in result.items() if name in WHOLE})
        write_json(rest, {name: value for name, value in result.items() if name not in WHOLE})
    return result


def answers_in(task: Task, *files: Path) -> list[np.ndarray]:
    """Return the true answers of the first of ``files`` of predictions, then what each of them predicts.

    All are what ``Task.targets`` gives; GraftError if the files are of different texts.
    """
    found: list[list[np.ndarray]] = [[] for _ in range(len(files) + 1)]
    nothing = pd.DataFrame({"id": []})
    for parts in zip_longest(*(iter_parquet(file, ["id", "label", "predicted"]) for file in files), fillvalue=nothing):
        require_same_rows(*parts)
        answers = [task.targets(parts[0]["label"]), *(task.targets(part["predicted"]) for part in parts)]
        for column, values in zip(found, answers, strict=True):
            column.append(values)
    return [np.concatenate(column) for column in found]
