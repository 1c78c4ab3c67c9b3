"""A training that is killed, wherever, ends with the bytes of the one that was not; damaged checkpoints are left."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.models.encoder import load_pretrained_encoder
from pipeline.models.registry import student
from pipeline.settings.students import BudgetConfig
from pipeline.settings.transfer import PhaseConfig
from pipeline.settings.tuning import TeacherTuning
from pipeline.tokens.table import TokenTable
from pipeline.training import resume
from pipeline.training.checkpoints import SEAL, is_whole, seal
from pipeline.training.folder import publish_model
from pipeline.training.machine import seed_everything
from pipeline.training.resume import _agreed, last_whole, step_of
from pipeline.training.trained import Trained
from pipeline.training.trainer import train
from pipeline.transfer.lesson import build_lesson
from tests.training.test_trainer import LABELS, toy

# 96 rows are 6 batches: the training goes through its rows three and a half times, and looks at validation after
# 6 (the end of a pass), 12, 18 and 21 steps.
STEPS, EVALUATIONS, ROWS = 21, 4, 96
DROPPING = {"embedding_size": 16, "hidden_size": 16, "dropout": 0.3}
PHASES = [
    {"share": 1.0, "losses": [{"name": "representation"}]},
    {"share": 1.0, "losses": [{"name": "logits_mse"}]},
    {"share": 0.5, "losses": [{"name": "gold"}]},
]


class Killed(BaseException):
    """What a test ends a training with."""


class Trial:
    """One small training, of a ``teacher``, a ``student`` in phases or a ``control``, run as often as it is killed."""

    tuning = TeacherTuning()
    evaluations = EVALUATIONS

    def __init__(self, kind: str, tokenizer: PreTrainedTokenizerFast, pretrained: Path, work: Path) -> None:
        self.kind, self.tokenizer, self.pretrained, self.work = kind, tokenizer, pretrained, work

    def run(self, **changes: Any) -> Trained:
        settings = {"batch_size": 16, "learning_rate": 0.01, "steps": STEPS, "precision": "fp32", "seed": 3}
        config = BudgetConfig(**settings | changes)
        tables = {"train": toy(self.tokenizer, ROWS, 1), "validation": toy(self.tokenizer, 32, 2)}
        seed_everything(config.seed)
        lesson = None
        if self.kind == "teacher":
            model = load_pretrained_encoder(self.pretrained, LABELS, self.tokenizer, pooling=self.tuning.pooling)
        else:
            model = student("bilstm", DROPPING, self.tokenizer, LABELS)
        if self.kind == "student":
            table = tables["train"]
            assert table.labels is not None
            logits = np.eye(2, dtype=np.float32)[table.labels] * 6 - 3
            gold = np.where(np.arange(ROWS) < ROWS // 2, table.labels, -100)
            signals = {"teacher_logits": logits, "teacher_pooled": np.tile(logits, 3), "gold": gold}
            lesson = build_lesson(
                model, [PhaseConfig.model_validate(phase) for phase in PHASES], signals, STEPS, self.tuning
            )
            tables["train"] = TokenTable(table.ids, table.input_ids, table.offsets)
        pad = self.tokenizer.pad_token_id
        told = lesson, self.work, self.tuning
        return train(model, tables, pad, config, STEPS, self.evaluations, config.seed, *told)

    def publish(self, folder: Path) -> dict[str, bytes]:
        publish_model(folder, self.run(), self.tokenizer)
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def kill_after(self, checkpoints: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Run until so many checkpoints are whole, or to the end."""
        made = 0

        def sealed(folder: Path) -> None:
            nonlocal made
            seal(folder)
            made += 1

        def rotate(*arguments: Any) -> None:
            if made == checkpoints:
                raise Killed
            rotated(*arguments)

        rotated = resume.rotate_checkpoints
        with monkeypatch.context() as patch:
            patch.setattr(resume, "seal", sealed)
            patch.setattr(resume, "rotate_checkpoints", rotate)
            with pytest.raises(Killed):
                self.run()

    def steps(self) -> list[int]:
        return sorted(map(step_of, self.work.glob("checkpoint-*")))


@pytest.fixture
def trial(
    tokenizer: PreTrainedTokenizerFast, pretrained: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Trial:
    (tmp_path / "work").mkdir()
    return Trial(getattr(request, "param", "control"), tokenizer, pretrained, tmp_path / "work")


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every step, so that a training can be killed after any."""
    monkeypatch.setattr(resume, "SECONDS", 0.0)
    monkeypatch.setattr(resume, "TIMES", 0.0)


@pytest.mark.parametrize("trial", ["teacher", "student", "control"], indirect=True)
def test_killed_again_and_again_it_ends_with_the_same_bytes(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trial.publish(tmp_path / "whole")
    shutil.rmtree(trial.work)
    trial.work.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(resume, "SECONDS", 0.0)
        patch.setattr(resume, "TIMES", 0.0)
        # After steps 3, 6, 8, 13, 18, 20 and 21: within a pass and at its end, in each phase, at evaluations and
        # between them, and with nothing left to do.
        for checkpoints in (3, 3, 2, 5, 5, 2, 1):
            trial.kill_after(checkpoints, patch)
            assert len(trial.steps()) <= 3
        assert trial.steps()[-1] == STEPS
    assert trial.publish(tmp_path / "killed") == whole


@pytest.mark.usefixtures("every_step")
def test_no_pickle_is_executed_when_it_goes_on(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    trial.kill_after(9, monkeypatch)
    loaded: list[str] = []

    def load(path: Any, *arguments: Any, **options: Any) -> Any:
        assert options["weights_only"] is True, path
        loaded.append(Path(path).name)
        return torch_load(path, *arguments, **options)

    torch_load = torch.load
    monkeypatch.setattr(torch, "load", load)
    trial.run()
    assert sorted(loaded) == ["optimizer.pt", "rng_state.pth", "scheduler.pt"]


def test_the_newest_and_the_best_are_kept_and_the_line_says_what_they_cost(trial: Trial) -> None:
    trained = trial.run()
    assert set(trial.steps()) == {STEPS, trained.summary["best_step"]}
    assert trained.course.startswith(f"{STEPS} steps; {EVALUATIONS} checkpoints took ")
    assert f"{STEPS} of them in an earlier run; 0 checkpoints" in trial.run().course


def test_without_a_folder_nothing_is_kept_to_go_on_from(tokenizer: PreTrainedTokenizerFast, pretrained: Path) -> None:
    trained = Trial("control", tokenizer, pretrained, None).run()  # type: ignore[arg-type]
    assert trained.summary["steps"] == STEPS


@pytest.mark.usefixtures("every_step")
def test_a_damaged_checkpoint_is_left_for_the_one_before(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    whole = trial.publish(tmp_path / "whole")
    shutil.rmtree(trial.work)
    trial.work.mkdir()
    trial.kill_after(8, monkeypatch)
    newest = trial.work / "checkpoint-8"
    optimizer = newest / "optimizer.pt"
    optimizer.write_bytes(optimizer.read_bytes()[:-9] + b"a" * 9)
    capsys.readouterr()
    assert last_whole(trial.work) == trial.work / "checkpoint-7"
    assert f"{newest} is not whole, so it is not used" in capsys.readouterr().out
    assert not newest.exists()
    assert trial.publish(tmp_path / "again") == whole


@pytest.mark.usefixtures("every_step")
def test_a_checkpoint_whose_best_is_damaged_is_left_too(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    trial.kill_after(9, monkeypatch)
    assert trial.steps() == [6, 8, 9]
    (trial.work / "checkpoint-6/model.safetensors").write_bytes(b"")
    assert last_whole(trial.work) is None
    assert trial.steps() == []


@pytest.mark.parametrize("missing", [SEAL, "optimizer.pt", "rng_state.pth", "progress.safetensors"])
def test_half_a_checkpoint_is_none(trial: Trial, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    trial.kill_after(1, monkeypatch)
    checkpoint = trial.work / "checkpoint-6"
    assert is_whole(checkpoint)
    (checkpoint / missing).unlink()
    assert not is_whole(checkpoint)
    assert last_whole(trial.work) is None


def test_a_folder_that_was_moved_still_knows_its_best(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trial.run()
    shutil.copytree(trial.work, tmp_path / "moved")
    shutil.rmtree(trial.work)
    trial.work = tmp_path / "moved"
    again = trial.run()
    assert again.summary == whole.summary
    assert whole.summary["best_step"] < STEPS
    states = whole.model.state_dict(), again.model.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_full_disk_gets_one_line_and_leaves_no_checkpoint(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(*_: Any, **__: Any) -> None:
        # What torch says when it cannot write on; it does not say why.
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534")

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(RuntimeError, match="unexpected pos"):
        trial.run()
    monkeypatch.setattr("pipeline.disk._probe", lambda target: "No space left on device")
    with pytest.raises(
        GraftError, match=r"checkpoint-6 could not be written whole: no space left on device; make room"
    ):
        trial.run()
    assert trial.steps() == []


def test_a_checkpoint_that_a_process_does_not_see_is_left_for_none(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    trial.kill_after(1, monkeypatch)
    assert _agreed(trial.work) == trial.work / "checkpoint-6"
    monkeypatch.setattr(resume, "said_by_all", lambda sees: [sees, False, sees])
    capsys.readouterr()
    assert _agreed(trial.work) is None
    assert capsys.readouterr().out == (
        f"process 1 does not see {trial.work / 'checkpoint-6'}, so the training starts anew; to go on from "
        "checkpoints, share their folder among the nodes\n"
    )
    assert trial.steps() == []
