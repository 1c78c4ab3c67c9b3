"""The clock of training speed counts work once, and only the steps that count."""

import time
from unittest.mock import patch

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast, Trainer

from benchmarks.training_speed import Clock, Material, plain_dataset
from pipeline.settings.students import BudgetConfig
from pipeline.tokens.encoding import encode


class Hand:
    """The hand of a clock that tests turn."""

    def __init__(self) -> None:
        self.now = 100.0

    def turn(self, duration: float) -> None:
        self.now += duration


class Nested(torch.optim.SGD):
    """An optimiser that takes a second and steps another inside its own step."""

    def __init__(self, hand: Hand) -> None:
        parameters = [torch.nn.Parameter(torch.zeros(1))]
        super().__init__(parameters, lr=0.1)
        self.hand = hand
        self.other = torch.optim.SGD(parameters, lr=0.1)

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        self.hand.turn(1)
        self.other.step()


def test_the_clock_skips_the_first_steps_and_counts_an_optimiser_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hand = Hand()
    monkeypatch.setattr(time, "perf_counter", lambda: hand.now)
    clock, optimizer = Clock(skipped=2), Nested(hand)
    with patch.object(Trainer, "training_step", lambda trainer: hand.turn(3)), clock.running():
        for _ in range(5):
            hand.turn(1)
            Trainer.training_step(object())
            optimizer.step()
    # Three steps of 3 + 1 s count, with the two pauses of 1 s between them.
    assert (clock.steps, clock.inside, clock.ended - clock.began) == (5, 12, 14)
    assert clock.outside == pytest.approx(2 / 14)
    assert clock.rows_per_second(7) == pytest.approx(1.5)


def test_nothing_is_watched_after_the_clock() -> None:
    before = Trainer.training_step
    clock = Clock(skipped=0)
    with clock.running():
        pass
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1).step()
    assert Trainer.training_step is before
    assert clock.steps == 0


def test_the_plain_dataset_holds_rows_of_the_table(tokenizer: PreTrainedTokenizerFast) -> None:
    texts = ["good", "good film", "a good film", "bad", "bad film"]
    table, _ = encode(tokenizer, [str(at) for at in range(5)], texts, 16)
    logits = np.arange(10, dtype=np.float32).reshape(5, 2)
    budget = BudgetConfig(steps=1, batch_size=2, learning_rate=0.1)
    material = Material("a", budget, table, table, logits, tokenizer, lambda: None)
    rows = plain_dataset(material, 3)
    assert rows["input_ids"][:] == [tokenizer(texts[at])["input_ids"] for at in (0, 2, 4)]
    assert rows["teacher_logits"][:] == [[0, 1], [4, 5], [8, 9]]
    assert len(plain_dataset(material, 99)) == 5
