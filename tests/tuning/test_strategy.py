"""Each strategy moves what it names and nothing else."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from transformers import EarlyStoppingCallback, PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.models.registry import student
from pipeline.settings.students import BudgetConfig
from pipeline.settings.tuning import StudentTuning, TeacherTuning
from pipeline.training.machine import seed_everything
from pipeline.training.trainer import train
from pipeline.tuning.strategy import tune
from pipeline.tuning.unfreezing import Unfreezing, open_groups
from tests.training.test_trainer import toy
from tests.tuning.conftest import LABELS, Teacher

PARTS = {
    "embeddings": "encoder.embeddings.word_embeddings.weight",
    "first": "encoder.encoder.layer.0.output.dense.weight",
    "second": "encoder.encoder.layer.1.output.dense.weight",
    "head": "classifier.weight",
}


def moved(teacher: Teacher, tokenizer: PreTrainedTokenizerFast, steps: int = 4, **tuning: Any) -> tuple[set[str], dict]:
    """The parts of a teacher that a short training moves, and its summary."""
    config = BudgetConfig(batch_size=8, learning_rate=0.01, steps=steps, precision="fp32", warmup=0.0)
    tables = {"train": toy(tokenizer, 32, 1), "validation": toy(tokenizer, 16, 2)}
    chosen = TeacherTuning.model_validate(tuning)
    seed_everything(3)
    model = teacher(pooling=chosen.pooling)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trained = train(model, tables, tokenizer.pad_token_id, config, steps, 1, 3, tuning=chosen)
    after = trained.model.state_dict()
    assert list(after) == list(before)
    return {part for part, name in PARTS.items() if not torch.equal(before[name], after[name])}, trained.summary


@pytest.mark.parametrize(
    ("tuning", "expected"),
    [
        ({}, {"embeddings", "first", "second", "head"}),
        ({"frozen_layers": 0}, {"first", "second", "head"}),
        ({"frozen_layers": 1}, {"second", "head"}),
        ({"head_only": True}, {"head"}),
        ({"layer_decay": 0.5}, {"embeddings", "first", "second", "head"}),
        ({"lora": {"rank": 2}}, {"first", "second", "head"}),
        ({"lora": {"rank": 2, "targets": ["query"]}}, {"head"}),
        ({"unfreezing": 1.0}, {"embeddings", "first", "second", "head"}),
        ({"unfreezing": 1.0, "frozen_layers": 1}, {"second", "head"}),
        ({"loss": "focal", "class_weights": "balanced", "pooling": "attention"}, set(PARTS)),
    ],
)
def test_what_moves(
    tuning: dict[str, Any], expected: set[str], teacher: Teacher, tokenizer: PreTrainedTokenizerFast
) -> None:
    found, summary = moved(teacher, tokenizer, **tuning)
    assert found == expected
    if tuning.get("head_only"):
        assert summary["trained_parameters"] == 2 * 32 + 2
    frozen = {"frozen_layers", "head_only", "lora"} & set(tuning)
    # What is published of a training that moves all is what it always was.
    assert bool(frozen) == ("trained_parameters" in summary)
    assert summary["parameters"] == sum(
        each.numel() for each in teacher(pooling=tuning.get("pooling", "mean")).parameters()
    )


def test_groups_open_one_after_another_from_the_top() -> None:
    assert [open_groups(4, step, 12, 0.5) for step in range(12)] == [1, 1, 2, 3, 3, 4, 4, 4, 4, 4, 4, 4]
    # The lowest has its part of the steps, too, before they are over.
    assert [open_groups(4, step, 8, 1.0) for step in range(8)] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert open_groups(1, 0, 10, 0.1) == 1


def test_what_is_not_open_has_no_gradient(teacher: Teacher, tokenizer: PreTrainedTokenizerFast) -> None:
    model = teacher()
    (callback,) = tune(model, TeacherTuning(unfreezing=0.5)).callbacks
    assert isinstance(callback, Unfreezing)
    learnt = []
    for step in range(8):
        callback.on_step_begin(_args(), _state(step, 8), None)  # type: ignore[arg-type]
        named = dict(model.named_parameters())
        learnt.append({part for part, name in PARTS.items() if named[name].requires_grad})
    assert learnt[:3] == [{"head"}, {"head", "second"}, {"head", "second", "first"}]
    assert learnt[3:] == [set(PARTS)] * 5


def _state(step: int, steps: int) -> Any:
    from transformers import TrainerState

    return TrainerState(global_step=step, max_steps=steps)


def _args(world_size: int = 1) -> Any:
    return type("Args", (), {"world_size": world_size})()


def test_unfreezing_is_refused_in_several_processes(teacher: Teacher) -> None:
    (callback,) = tune(teacher(), TeacherTuning(unfreezing=0.5)).callbacks
    with pytest.raises(GraftError, match="unfreezing works in one process, not in 2; use layer_decay instead"):
        callback.on_train_begin(_args(2), _state(0, 8), None)  # type: ignore[arg-type]


def test_more_frozen_layers_than_there_are_get_one_line(teacher: Teacher) -> None:
    with pytest.raises(GraftError, match=r"tuning.frozen_layers is 3; the model has 2 layers"):
        tune(teacher(), TeacherTuning(frozen_layers=3))


def test_an_early_stop_ends_the_training_and_says_when(teacher: Teacher, tokenizer: PreTrainedTokenizerFast) -> None:
    assert isinstance(tune(teacher(), TeacherTuning(patience=2)).callbacks[0], EarlyStoppingCallback)
    config = BudgetConfig(batch_size=8, learning_rate=1e-12, steps=20, precision="fp32", metric="macro_f1")
    tables = {"train": toy(tokenizer, 32, 1), "validation": toy(tokenizer, 16, 2)}
    seed_everything(3)
    # At this rate nothing changes, so the second and the third look are no better than the first.
    trained = train(teacher(), tables, 0, config, 20, 10, 3, tuning=TeacherTuning(patience=2))
    assert (trained.summary["steps"], trained.summary["best_step"]) == (6, 2)
    assert trained.course.startswith("6 steps; ")
    assert trained.curve["step"].tolist() == [2, 4, 6]


def test_a_control_keeps_what_is_of_its_labels_alone(tokenizer: PreTrainedTokenizerFast) -> None:
    tuning = StudentTuning(
        frozen_layers=0, layer_decay=0.9, class_weights="balanced", loss="focal", gamma=1, patience=3
    )
    assert tuning.of_control() == StudentTuning(class_weights="balanced", loss="focal", gamma=1, patience=3)
    model = student("bilstm", {"embedding_size": 8, "hidden_size": 8}, tokenizer, LABELS)
    tune(model, tuning)
    assert not model.embedding.weight.requires_grad
    assert model.forwards[0].weight_hh_l0.requires_grad


@pytest.mark.parametrize(
    ("tuning", "message"),
    [
        ({"lora": {}, "frozen_layers": 2}, "frozen_layers and lora do not go together"),
        ({"head_only": True, "unfreezing": 0.5}, "head_only and unfreezing do not go together"),
        ({"gamma": 2.0}, "gamma is 2.0, which only loss: focal reads"),
        ({"layer_decay": 1.5}, "less than or equal to 1"),
        ({"pooling": "max"}, "'mean', 'attention' or 'first'"),
        ({"patience": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_disagree_are_refused(tuning: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TeacherTuning.model_validate(tuning)
