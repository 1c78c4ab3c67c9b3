"""``python -m pipeline.stages.robustness MODEL``: what typing errors and hidden characters cost a model.

MODEL is ``teacher`` (the mean of all teachers) or a student's NAME, with which its control is measured. Reads
``robustness``, ``evaluate.batch_tokens``, the models, a sample of ``data/prepared/test.parquet`` and the policy that
the texts were prepared with. Writes ``metrics/robustness/MODEL.json`` and, for a student,
``metrics/robustness/controls/MODEL.json``.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.artifacts import count_rows, publish_together, read_json, take_rows, write_json
from pipeline.evaluation.robustness import robustness_figures, sample_rows, summarise
from pipeline.models.registry import load_model
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.robustness import RobustnessConfig
from pipeline.settings.students import StudentConfig
from pipeline.settings.teachers import TeacherConfig
from pipeline.stages.entry import run
from pipeline.task import task_of
from pipeline.text.pairs import TextOrPair, texts_in
from pipeline.text.policy import Policy
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.training.prediction import predict

PREPARED = Path("data/prepared")
ROBUSTNESS = Path("metrics/robustness")


class Settings(Sections):
    """What this stage reads of params.yaml."""

    teachers: dict[str, TeacherConfig]
    students: dict[str, StudentConfig]
    evaluate: EvaluateConfig
    robustness: RobustnessConfig


def main(model: str) -> None:
    """Attack the texts and measure ``model`` on them."""
    params = read_sections(Settings)
    task = task_of(read_json(PREPARED / "labels.json"))
    policy = Policy.of(read_json(PREPARED / "text.json"))
    test = PREPARED / "test.parquet"
    sample = take_rows(test, sample_rows(count_rows(test), params.robustness))
    targets, texts = task.targets(sample["label"]), texts_in(sample)
    found = {}
    for name, folders in _folders(model, params).items():

        def read(each: Sequence[TextOrPair], folders: Sequence[Path] = folders) -> np.ndarray:
            logits = [_logits(folder, each, params.evaluate.batch_tokens) for folder in folders]
            mean: np.ndarray = np.mean(logits, axis=0)
            return mean

        found[name] = robustness_figures(texts, targets, read, task, policy, params.robustness)
        print(summarise(name, found[name], task))
    with publish_together(*(ROBUSTNESS / f"{name}.json" for name in found)) as partials:
        for partial, figures in zip(partials, found.values(), strict=True):
            write_json(partial, figures)


def _folders(model: str, params: Settings) -> dict[str, list[Path]]:
    if model == "teacher":
        return {model: [Path("models/teacher") / name for name in params.teachers]}
    params.section("students", model)
    return {model: [Path("models/students") / model], f"controls/{model}": [Path("models/controls") / model]}


def _logits(folder: Path, texts: Sequence[TextOrPair], batch_tokens: int) -> np.ndarray:
    tokenizer = load_tokenizer(folder)
    table, _ = encode(tokenizer, [""] * len(texts), texts, tokenizer.model_max_length)
    return predict(load_model(folder), table, tokenizer.pad_token_id, batch_tokens, "fp32", title=str(folder))[0]


if __name__ == "__main__":
    run(main)
