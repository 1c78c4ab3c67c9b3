"""The loss of skewed labels: known answers, scikit-learn's weights, finite differences."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn.functional import cross_entropy

from pipeline.settings.transfer import LossConfig, PhaseConfig
from pipeline.settings.tuning import TuningConfig
from pipeline.transfer.losses import gold
from pipeline.transfer.objective import bind_phases, with_gold_loss
from pipeline.tuning.gold import balanced_weights, focal_loss, gold_loss

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-3.0, 4.0, 1.0], [9.0, -9.0, 0.0]])
TARGETS = torch.tensor([0, 2, 0, 0])
ONES = torch.ones(3)


def test_gamma_zero_is_the_cross_entropy() -> None:
    assert torch.equal(focal_loss(LOGITS, TARGETS, ONES, 0.0), cross_entropy(LOGITS, TARGETS, reduction="sum") / 4)
    torch.testing.assert_close(focal_loss(LOGITS, TARGETS, ONES, 1e-6), cross_entropy(LOGITS, TARGETS))


def test_it_is_the_formula_of_the_paper() -> None:
    chances = LOGITS.softmax(-1)[range(4), TARGETS]
    weights = torch.tensor([0.5, 1.0, 3.0])
    expected = -(weights[TARGETS] * (1 - chances) ** 2 * chances.log()).mean()
    torch.testing.assert_close(focal_loss(LOGITS, TARGETS, weights, 2.0), expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_a_text_that_is_certain_has_a_slope_that_is_a_number(gamma: float) -> None:
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0], [0.0, 0.0]], requires_grad=True)
    focal_loss(logits, torch.tensor([0, 0, 1]), torch.ones(2), gamma).backward()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_its_slope_is_that_of_finite_differences(gamma: float) -> None:
    # It computes in float32, so the steps are wide.
    logits = LOGITS[:3].clone().requires_grad_()
    weights = torch.tensor([0.5, 1.0, 3.0])
    focal_loss(logits, TARGETS[:3], weights, gamma).backward()
    for at in np.ndindex(3, 3):
        step = torch.zeros(3, 3)
        step[at] = 1e-2
        with torch.no_grad():
            above, below = (focal_loss(logits + each, TARGETS[:3], weights, gamma) for each in (step, -step))
        assert float(logits.grad[at]) == pytest.approx(float(above - below) / 2e-2, abs=2e-3)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_texts_without_a_label_do_not_count(gamma: float) -> None:
    some = torch.tensor([0, -100, 0, -100])
    expected = focal_loss(LOGITS[[0, 2]], TARGETS[[0, 2]], ONES, gamma)
    torch.testing.assert_close(focal_loss(LOGITS, some, ONES, gamma), expected)
    assert focal_loss(LOGITS, torch.full((4,), -100), ONES, gamma) == 0
    torch.testing.assert_close(focal_loss(LOGITS, some, ONES, 0.0), gold(LOGITS, some))


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    labels = np.random.default_rng(0).choice(3, 500, p=[0.7, 0.25, 0.05])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(balanced_weights(labels, 3), expected)
    assert balanced_weights(labels, 3)[labels].mean() == pytest.approx(1)
    # A label that is missing weighs nothing, and texts without one are left out.
    np.testing.assert_allclose(balanced_weights(np.array([0, 0, 1, -100]), 3), [0.5, 1.0, 0.0])


def test_the_plain_loss_is_left_to_the_model() -> None:
    assert gold_loss(TuningConfig(), np.array([0, 1]), 2) is None
    chosen = gold_loss(TuningConfig(loss="focal", class_weights="balanced"), np.array([0, 0, 0, 1]), 2)
    assert chosen is not None
    logits, labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    torch.testing.assert_close(chosen(logits, labels), focal_loss(logits, labels, torch.tensor([2 / 3, 2.0]), 2.0))


def test_it_takes_the_place_of_the_loss_gold_alone() -> None:
    losses = [LossConfig(name="gold", weight=0.5), LossConfig(name="logits_mse")]
    (phase,) = with_gold_loss(bind_phases([PhaseConfig(losses=losses)]), lambda logits, labels: torch.tensor(7.0))
    (plain,) = bind_phases([PhaseConfig(losses=losses)])
    assert phase.terms[0].function(LOGITS, TARGETS) == 7
    assert (phase.terms[0].weight, phase.terms[0].loss) == (0.5, plain.terms[0].loss)
    assert phase.terms[1].function(LOGITS, LOGITS) == 0
