"""``python -m pipeline.stages.evaluate MODEL``: what a model does on the test split, from its text.

MODEL is ``teacher`` (the mean of all teachers), ``controls/NAME`` or a student's NAME. Reads
``evaluate``, the model, ``data/prepared/test.parquet`` and, for a student, the predictions of its
control and of the teacher. Writes ``predictions/MODEL.parquet``, ``metrics/MODEL.json`` and, by label and by domain,
``metrics/parts/MODEL.json``.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from pipeline.artifacts import count_rows, iter_parquet, read_json
from pipeline.evaluation.comparison import answer_figures, student_answer_figures
from pipeline.evaluation.measures import measure_of
from pipeline.evaluation.predictions import prediction_frame
from pipeline.evaluation.publishing import PREDICTIONS, answers_in, publish_in_parts
from pipeline.models.registry import load_model
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.students import StudentConfig
from pipeline.settings.teachers import TeacherConfig
from pipeline.stages.entry import run
from pipeline.task import Task, task_of
from pipeline.text.pairs import texts_in
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.training.prediction import predict

TEST = Path("data/prepared/test.parquet")


class Settings(Sections):
    """What this stage reads of params.yaml."""

    teachers: dict[str, TeacherConfig]
    students: dict[str, StudentConfig]
    evaluate: EvaluateConfig


def main(model: str) -> None:
    """Evaluate ``model``."""
    params = read_sections(Settings)
    task = task_of(read_json(Path("data/prepared/labels.json")))
    others = [PREDICTIONS / f"{name}.parquet" for name in (f"controls/{model}", "teacher")]

    def measure(predictions: Path) -> dict[str, float]:
        domains = [sys.intern(domain) for each in iter_parquet(TEST, ["domain"]) for domain in each["domain"]]
        if model in params.students:
            true, *said = answers_in(task, predictions, *others)
            return student_answer_figures(true, said, task, domains, params.evaluate)
        true, said_alone = answers_in(task, predictions)
        return answer_figures(true, said_alone, task, domains, params.evaluate)

    result = publish_in_parts(model, _predictions(model, _folders(model, params), task, params.evaluate), measure)
    score, low, high = (result[measure_of(task).key + end] for end in ("", "_low", "_high"))
    print(f"{model}: {measure_of(task).title} {score:.3f} ({low:.3f} to {high:.3f})")


def _predictions(title: str, folders: list[Path], task: Task, config: EvaluateConfig) -> Iterator[pd.DataFrame]:
    """Yield what the models in ``folders`` say together of the test split, some rows at a time."""
    models = [(load_tokenizer(folder), load_model(folder)) for folder in folders]
    with tqdm(total=count_rows(TEST), desc=title, unit="text", mininterval=1.0) as progress:
        for test in iter_parquet(TEST):
            logits = np.mean([_logits(*each, test, config) for each in models], axis=0)
            yield prediction_frame(test["id"], test["label"], task.answers(logits), task)
            progress.update(len(test))


def _folders(model: str, params: Settings) -> list[Path]:
    if model == "teacher":
        return [Path("models/teacher") / name for name in params.teachers]
    name = model.removeprefix("controls/")
    params.section("students", name)
    return [Path("models") / ("students" if name == model else "controls") / name]


def _logits(
    tokenizer: PreTrainedTokenizerFast, model: PreTrainedModel, test: pd.DataFrame, config: EvaluateConfig
) -> np.ndarray:
    table, _ = encode(tokenizer, test["id"].tolist(), texts_in(test), tokenizer.model_max_length)
    # Full precision: the figures that are published should not depend on what the processor can do.
    return predict(model, table, tokenizer.pad_token_id, config.batch_tokens, "fp32", None)[0]


if __name__ == "__main__":
    run(main)
