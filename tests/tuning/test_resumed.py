"""A tuned training that is killed ends with the bytes of the one that was not."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from pipeline.settings.tuning import TeacherTuning
from tests.training.test_resume import Trial


@pytest.mark.parametrize(
    ("kind", "tuning"),
    [
        ("teacher", {"lora": {"rank": 2, "dropout": 0.2}, "pooling": "attention"}),
        ("student", {"unfreezing": 0.8, "layer_decay": 0.5, "class_weights": "balanced", "loss": "focal"}),
    ],
)
def test_killed_it_ends_with_the_same_bytes(
    kind: str,
    tuning: dict[str, Any],
    tokenizer: PreTrainedTokenizerFast,
    pretrained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Embeddings have sparse gradients, an optimiser of their own, and a rate of their own.
    monkeypatch.setattr("pipeline.training.optimizer.LARGE", len(tokenizer))
    trial = tuned(Trial(kind, tokenizer, pretrained, tmp_path / "work"), tuning)
    # A look at validation, and so a checkpoint, every three steps.
    trial.evaluations = 7
    whole = trial.publish(tmp_path / "whole")
    start_anew(trial)
    # After step 3, where the student's head alone has learnt, and 12, where its embeddings have not.
    for checkpoints in (1, 3):
        trial.kill_after(checkpoints, monkeypatch)
    assert trial.steps()[-1] == 12
    assert trial.publish(tmp_path / "killed") == whole


def test_an_early_stop_remembers_how_long_it_has_waited(
    tokenizer: PreTrainedTokenizerFast, pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = tuned(Trial("control", tokenizer, pretrained, tmp_path / "work"), {"patience": 3})
    # A look at validation after every step; the second is the best for long.
    trial.evaluations = 21
    whole = trial.publish(tmp_path / "whole")
    summary = json.loads(whole["training.json"])
    assert (summary["best_step"], summary["steps"]) == (2, 5)
    start_anew(trial)
    # After the first look that was no better, after the second, and after the last step, with nothing left to do.
    for checkpoints in (3, 1, 1):
        trial.kill_after(checkpoints, monkeypatch)
    assert trial.steps()[-1] == 5
    assert trial.publish(tmp_path / "killed") == whole
    assert trial.run().course.startswith("5 steps, 5 of them in an earlier run; 0 checkpoints")


def tuned(trial: Trial, settings: dict[str, Any]) -> Trial:
    trial.tuning = TeacherTuning.model_validate(settings)
    trial.work.mkdir()
    return trial


def start_anew(trial: Trial) -> None:
    shutil.rmtree(trial.work)
    trial.work.mkdir()
