"""``python -m pipeline.stages.evaluate MODEL``: what a model does on the test split, from its text.

MODEL is ``teacher`` (the mean of all teachers), ``controls/NAME`` or a student's NAME. Reads
``evaluate``, the model, ``data/prepared/test.parquet`` and, for a student, the predictions of its
control and of the teacher. Writes ``predictions/MODEL.parquet``, ``metrics/MODEL.json`` and, by label and by domain,
``metrics/parts/MODEL.json``.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.artifacts import read_json, read_parquet
from pipeline.evaluation.comparison import figures, student_figures
from pipeline.evaluation.measures import measure_of
from pipeline.evaluation.predictions import prediction_frame
from pipeline.evaluation.publishing import PREDICTIONS, publish_evaluation
from pipeline.models.registry import load_model
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.students import StudentConfig
from pipeline.settings.teachers import TeacherConfig
from pipeline.stages.entry import run
from pipeline.task import task_of
from pipeline.text.pairs import texts_in
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.training.prediction import predict


class Settings(Sections):
    """What this stage reads of params.yaml."""

    teachers: dict[str, TeacherConfig]
    students: dict[str, StudentConfig]
    evaluate: EvaluateConfig


def main(model: str) -> None:
    """Evaluate ``model``."""
    params = read_sections(Settings)
    task = task_of(read_json(Path("data/prepared/labels.json")))
    test = read_parquet(Path("data/prepared/test.parquet"))
    logits = np.mean([_logits(folder, test, params.evaluate) for folder in _folders(model, params)], axis=0)
    predictions = prediction_frame(test["id"], test["label"], task.answers(logits), task)
    if model in params.students:
        control, teacher = (read_parquet(PREDICTIONS / f"{name}.parquet") for name in (f"controls/{model}", "teacher"))
        result = student_figures(predictions, control, teacher, task, test["domain"], params.evaluate)
    else:
        result = figures(predictions, task, test["domain"], params.evaluate)
    publish_evaluation(model, predictions, result)
    measure = measure_of(task)
    score, low, high = (result[measure.key + end] for end in ("", "_low", "_high"))
    print(f"{model}: {measure.title} {score:.3f} ({low:.3f} to {high:.3f})")


def _folders(model: str, params: Settings) -> list[Path]:
    if model == "teacher":
        return [Path("models/teacher") / name for name in params.teachers]
    name = model.removeprefix("controls/")
    params.section("students", name)
    return [Path("models") / ("students" if name == model else "controls") / name]


def _logits(folder: Path, test: pd.DataFrame, config: EvaluateConfig) -> np.ndarray:
    tokenizer = load_tokenizer(folder)
    table, _ = encode(tokenizer, test["id"].tolist(), texts_in(test), tokenizer.model_max_length)
    # Full precision: the figures that are published should not depend on what the processor can do.
    logits, _ = predict(load_model(folder), table, tokenizer.pad_token_id, config.batch_tokens, "fp32", str(folder))
    return logits


if __name__ == "__main__":
    run(main)
