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
from pipeline.evaluation.rivals import bayes_applies, ngram_answers, vader_answers, vader_applies
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.rivals import BayesRival, RivalConfig, VaderRival
from pipeline.stages.entry import run
from pipeline.task import Task, joined, task_of
from pipeline.text.pairs import texts_in

PREPARED = Path("data/prepared")


class Settings(Sections):
    """What this stage reads of params.yaml."""

    rivals: dict[str, RivalConfig]
    evaluate: EvaluateConfig


def main(name: str) -> None:
    """Classify the test split with the rival ``name`` and measure it."""
    params = read_sections(Settings)
    rival = params.section("rivals", name)
    task = task_of(read_json(PREPARED / "labels.json"))
    test = read_parquet(PREPARED / "test.parquet")
    facts: dict[str, float | str] = {"applicable": 1}
    if isinstance(rival, VaderRival):
        if not vader_applies(task):
            if task.pairs:
                _publish_inapplicable(name, "VADER rates a text by itself; here two are read together", task)
                return
            found = "several labels a text" if task.kind == "multi_label" else f"the labels are {joined(task.labels)}"
            _publish_inapplicable(name, f"VADER tells negative, neutral and positive; {found}", task)
            return
        answers = vader_answers(test["text"].tolist(), task)
    elif isinstance(rival, BayesRival) and not bayes_applies(task):
        _publish_inapplicable(name, "naive Bayes tells labels, and no numbers", task)
        return
    else:
        train, validation = (read_parquet(PREPARED / f"{split}.parquet") for split in ("train", "validation"))
        result = ngram_answers(train, validation, texts_in(test), task, rival)
        answers = result.answers
        facts |= result.chosen | {"parameters": result.parameters}
    predictions = prediction_frame(test["id"], test["label"], answers, task)
    publish_evaluation(
        f"rivals/{name}", predictions, facts | figures(predictions, task, test["domain"], params.evaluate)
    )


def _publish_inapplicable(name: str, reason: str, task: Task) -> None:
    nothing = pd.Series([], dtype="str")
    predictions = prediction_frame(nothing, nothing, np.zeros((0, len(task.labels))), task)
    publish_evaluation(f"rivals/{name}", predictions, {"applicable": 0, "reason": reason})


if __name__ == "__main__":
    run(main)
