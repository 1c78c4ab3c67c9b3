"""``python -m benchmarks.graft_worker teach|transfer JOB``: Graft's side of ``benchmarks.textbrewer``.

``teach`` stores the teacher's logits; ``transfer`` trains a student on them and never loads the teacher.
"""

import sys
from pathlib import Path

import numpy as np

from benchmarks.distillation import Inputs, Job, build_student, load_inputs
from pipeline.artifacts import read_array, read_json, write_array
from pipeline.models.registry import load_model
from pipeline.settings.transfer import LossConfig, PhaseConfig
from pipeline.training.folder import publish_model
from pipeline.training.prediction import predict
from pipeline.training.trained import Trained
from pipeline.training.trainer import train
from pipeline.transfer.lesson import build_lesson

LOGITS = [PhaseConfig(losses=[LossConfig(name="logits_mse")])]


def main(step: str, path: str) -> None:
    """Do ``step`` of the job in ``path``."""
    job = Job(**read_json(Path(path)))
    inputs = load_inputs(job)
    if step == "teach":
        _teach(job, inputs)
    else:
        publish_model(Path(job.target), _transfer(job, inputs), inputs.tokenizer)


def _teach(job: Job, inputs: Inputs) -> None:
    teacher, pad = load_model(Path(job.teacher)), inputs.tokenizer.pad_token_id
    logits, _ = predict(teacher, inputs.texts, pad, job.batch_tokens, job.settings.precision, title=None)
    write_array(Path(job.signals) / "logits.npy", logits)


def _transfer(job: Job, inputs: Inputs) -> Trained:
    settings, model = job.settings, build_student(job, inputs)
    signals = {
        "gold": np.full(job.texts, -100, np.int64),
        "teacher_logits": read_array(Path(job.signals) / "logits.npy"),
    }
    lesson = build_lesson(model, LOGITS, signals, settings.steps)
    tables = {"train": inputs.texts, "validation": inputs.validation}
    pad = inputs.tokenizer.pad_token_id
    return train(model, tables, pad, settings, settings.steps, settings.evaluations, settings.seed, lesson)


if __name__ == "__main__":
    main(*sys.argv[1:])
