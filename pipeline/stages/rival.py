"""Measure one rival on the test split: what a student must be worth.

In:  params rivals.NAME and evaluate; data/prepared/
Out: predictions/rivals/NAME.parquet, metrics/rivals/NAME.json, metrics/parts/rivals/NAME.json
Run: python -m pipeline.stages.rival NAME

A rival that the labels rule out (VADER knows sentiment only) writes ``"applicable": 0`` with the reason,
and a table of predictions without rows, so that the pipeline goes on.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.artifacts import read_json, read_parquet
from pipeline.evaluation.comparison import figures
from pipeline.evaluation.predictions import prediction_frame
from pipeline.evaluation.publishing import publish_evaluation
from pipeline.evaluation.rivals import ngram_probabilities, vader_applies, vader_probabilities
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.rivals import BayesRival, RivalConfig, TfidfRival
from pipeline.stages.entry import run

PREPARED = Path("data/prepared")


class Settings(Sections):
    """What this stage reads of params.yaml."""

    rivals: dict[str, RivalConfig]
    evaluate: EvaluateConfig


def main(name: str) -> None:
    """Classify the test split with the rival ``name`` and measure it."""
    params = read_sections(Settings)
    rival = params.section("rivals", name)
    labels: list[str] = read_json(PREPARED / "labels.json")["labels"]
    test = read_parquet(PREPARED / "test.parquet")
    facts: dict[str, float | str] = {"applicable": 1}
    if isinstance(rival, (TfidfRival, BayesRival)):
        train, validation = (read_parquet(PREPARED / f"{split}.parquet") for split in ("train", "validation"))
        result = ngram_probabilities(train, validation, test["text"].tolist(), labels, rival)
        probabilities = result.probabilities
        facts |= result.chosen | {"parameters": result.parameters}
    elif vader_applies(labels):
        probabilities = vader_probabilities(test["text"].tolist(), labels)
    else:
        _publish_inapplicable(name, labels)
        return
    predictions = prediction_frame(test["id"], test["label"], probabilities, labels)
    publish_evaluation(
        f"rivals/{name}", predictions, facts | figures(predictions, labels, test["domain"], params.evaluate)
    )


def _publish_inapplicable(name: str, labels: list[str]) -> None:
    nothing = pd.Series([], dtype="str")
    reason = f"VADER tells negative, neutral and positive; the labels are {', '.join(labels)}"
    predictions = prediction_frame(nothing, nothing, np.zeros((0, len(labels))), labels)
    publish_evaluation(f"rivals/{name}", predictions, {"applicable": 0, "reason": reason})


if __name__ == "__main__":
    run(main)
