"""Two processes, and micro-batches, give the losses, gradients and signals of one process that takes batches whole."""

import gc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity, cross_entropy, log_softmax, mse_loss

from pipeline.errors import GraftError
from pipeline.pretraining.trainer import MaskingCollator, PackedDataset
from pipeline.settings.students import BudgetConfig
from pipeline.settings.transfer import PhaseConfig
from pipeline.training.division import DEVICE_BATCH
from pipeline.training.trainer import train
from pipeline.transfer.lesson import build_lesson
from tests.training import world
from tests.training.world import BATCH, KINDS, PHASES, ROWS, launch, small_model, table, taught, training, two_steps


@pytest.fixture(scope="module", autouse=True)
def frozen() -> Iterator[None]:
    """Spare the objects of the libraries: Trainer looks through all for garbage each time that it trains."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worlds") / "project"
    folder.mkdir()
    world.write_project(folder)
    return folder


@pytest.fixture(scope="module")
def two(project: Path) -> list[dict[str, Any]]:
    """What each of two processes saw."""
    return launch(2, project.parent)


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of a lone process, put back in the end."""
    monkeypatch.setenv(DEVICE_BATCH, str(BATCH))
    monkeypatch.setattr("pipeline.training.optimizer.LARGE", 2000)
    return monkeypatch


def reference(kind: str, rows: list[int]) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss and the gradients of a batch, by torch alone."""
    model = small_model(kind)
    if kind == "masked":
        data = PackedDataset(world.packed(), 3)
        batch = MaskingCollator(world.masks())([(data, row) for row in rows])
        labels = batch.pop("labels")
        loss = cross_entropy(model(**batch).logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
        return backward(loss, model)
    texts = table(ROWS, 1)
    longest = int(texts.lengths[rows].max())
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    for at, row in enumerate(rows):
        own = texts.input_ids[texts.offsets[row] : texts.offsets[row + 1]]
        ids[at, : len(own)] = torch.from_numpy(own.astype(np.int64))
    assert texts.labels is not None
    labels = torch.from_numpy(texts.labels[rows])
    if kind == "objective":
        signals = world.signals(texts)
        learner = build_lesson(model, list(map(PhaseConfig.model_validate, PHASES)), signals, 2).learner.train()
        outputs = learner.student(input_ids=ids, attention_mask=(ids > 0).long())
        gold = torch.from_numpy(signals["gold"][rows])
        known = gold >= 0
        states = torch.from_numpy(signals["teacher_tokens"][np.array(rows)])
        told = states.abs().sum(-1) > 0
        angles = 1 - cosine_similarity(learner.objective.projections["tokens"](outputs.tokens), states, dim=-1)
        logits = torch.from_numpy(signals["teacher_logits"][rows])
        loss = mse_loss(outputs.logits, logits) + 0.5 * cross_entropy(outputs.logits[known], gold[known])
        return backward(loss + 2 * angles[told].mean(), learner)
    logits = model.train()(input_ids=ids, attention_mask=(ids > 0).long()).logits
    logs = log_softmax(logits, -1)[torch.arange(len(rows)), labels]
    counts = np.bincount(texts.labels, minlength=2)
    weights = torch.from_numpy(ROWS / (2 * counts)).float()[labels] if kind != "own" else torch.ones(len(rows))
    doubt = (1 - logs.exp()) ** 2 if kind == "focal" else 1.0
    return backward(-(weights * doubt * logs).mean(), model)


def backward(loss: torch.Tensor, of: torch.nn.Module) -> tuple[float, dict[str, torch.Tensor]]:
    loss.backward()
    return loss.item(), {name: each.grad for name, each in of.named_parameters() if each.grad is not None}


@pytest.mark.parametrize("kind", KINDS)
def test_loss_and_gradients_are_those_of_the_whole_batch(
    kind: str, two: list[dict[str, Any]], one: pytest.MonkeyPatch
) -> None:
    rows: list[list[int]] = []
    for accumulation in (1, 2, 4):
        alone, first, second = two_steps(kind, accumulation), *(each[f"{kind} {accumulation}"] for each in two)
        rows = rows or alone["rows"]
        assert [len(batch) for batch in rows] == [16, 16 if kind in ("objective", "masked") else 3]
        for at, batch in enumerate(rows):
            if kind != "masked":
                # Every row is read, in the step that one process reads it in.
                parts = slice(at * accumulation, (at + 1) * accumulation)
                assert {row for seen in (first, second) for part in seen["rows"][parts] for row in part} == {*batch}
            loss, gradients = reference(kind, batch)
            for seen in (alone, first, second):
                assert seen["losses"][at] == pytest.approx(loss, rel=1e-5)
                assert seen["gradients"][at].keys() == gradients.keys()
                for name, gradient in gradients.items():
                    torch.testing.assert_close(seen["gradients"][at][name], gradient, rtol=1e-4, atol=1e-6)
        # Whatever is looked at, the same batches are: the figures are the same to the last digit.
        assert first["looks"] == second["looks"] == alone["looks"]


def test_a_training_of_several_passes_is_that_of_one_process(
    two: list[dict[str, Any]], one: pytest.MonkeyPatch
) -> None:
    # Nothing is dropped out. The rows of later passes come in another order than in one process that was told no
    # number of rows, whose order follows from what it dropped out.
    expected = training(None, dropout=0.0)
    for name, values in expected.items():
        assert torch.equal(two[0]["still"][name], two[1]["still"][name])
        torch.testing.assert_close(two[0]["still"][name], values, rtol=1e-3, atol=1e-5)


def test_a_killed_training_of_two_is_taken_up_exactly(two: list[dict[str, Any]]) -> None:
    assert two[0]["folder"] == two[1]["folder"]
    assert two[0]["gone"]
    for name, values in two[0]["whole"].items():
        assert torch.equal(two[0]["taken up"][name], values), name
        assert torch.equal(two[1]["taken up"][name], values), name
    assert any(not torch.equal(two[0]["whole"][name], values) for name, values in two[0]["still"].items())


def test_two_processes_teach_the_same_bytes(two: list[dict[str, Any]], project: Path, one: pytest.MonkeyPatch) -> None:
    assert sorted(two[0]["signals"]) == ["ids.parquet", "logits.npy", "pooled.npy", "tokens.arrow", "tokens.npy"]
    assert taught(project) == two[0]["signals"]


def test_a_loss_among_the_texts_of_a_batch_is_not_divided(one: pytest.MonkeyPatch) -> None:
    one.setenv(DEVICE_BATCH, "8")
    signals = world.signals(table(ROWS, 1)) | {"teacher_pooled": np.ones((ROWS, 6))}
    model = small_model("own")
    lesson = build_lesson(model, [PhaseConfig.model_validate({"losses": [{"name": "cka"}]})], signals, 2)
    config = BudgetConfig(batch_size=BATCH, learning_rate=0.01, steps=2, precision="fp32")
    tables = {"train": table(ROWS, 1), "validation": table(ROWS, 2)}
    wanted = "transfer: the loss cka compares the texts of a batch with one another, and the batch of 16 is divided"
    with pytest.raises(GraftError, match=re.escape(wanted)):
        train(model, tables, 0, config, 2, 1, 3, lesson)
