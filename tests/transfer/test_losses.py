"""Known answers, limits, symmetry and gradients of the transfer losses."""

import math

import pytest
import torch

from pipeline.transfer.losses import LOSSES, logits_kl, logits_mse


@pytest.mark.parametrize("name", LOSSES)
def test_zero_on_equal_logits(name: str) -> None:
    logits = torch.randn(5, 3)
    assert LOSSES[name](logits, logits).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_positive_on_different_logits(name: str) -> None:
    assert LOSSES[name](torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])).item() > 0.1


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_agrees_with_finite_differences(name: str) -> None:
    student = torch.randn(4, 3, requires_grad=True)
    teacher = torch.randn(4, 3)
    LOSSES[name](student, teacher).backward()
    assert student.grad is not None
    step = 1e-2
    for row, column in ((0, 0), (3, 2)):
        shift = torch.zeros(4, 3)
        shift[row, column] = step
        with torch.no_grad():
            slope = (LOSSES[name](student + shift, teacher) - LOSSES[name](student - shift, teacher)) / (2 * step)
        assert student.grad[row, column].item() == pytest.approx(slope.item(), abs=1e-3)


@pytest.mark.parametrize("name", LOSSES)
def test_mean_over_the_batch(name: str) -> None:
    student, teacher = torch.randn(4, 3), torch.randn(4, 3)
    twice = LOSSES[name](student.repeat(2, 1), teacher.repeat(2, 1))
    torch.testing.assert_close(twice, LOSSES[name](student, teacher))


def test_mse_known_answer() -> None:
    assert logits_mse(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]])).item() == pytest.approx((1 + 4) / 2)


def test_mse_is_symmetric() -> None:
    a, b = torch.randn(3, 4), torch.randn(3, 4)
    torch.testing.assert_close(logits_mse(a, b), logits_mse(b, a))


def test_kl_known_answer() -> None:
    # Teacher (3/4, 1/4) against student (1/2, 1/2).
    expected = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    teacher = torch.tensor([[math.log(3.0), 0.0]])
    assert logits_kl(torch.zeros(1, 2), teacher, temperature=1.0).item() == pytest.approx(expected, rel=1e-5)


def test_kl_ignores_a_constant_added_to_the_logits() -> None:
    student, teacher = torch.randn(3, 4), torch.randn(3, 4)
    torch.testing.assert_close(logits_kl(student + 5, teacher - 2), logits_kl(student, teacher))


def test_kl_at_high_temperature_is_half_the_centred_mean_square() -> None:
    # Hinton et al. 2015, eq. 4: as T grows the loss becomes the mean square of the centred logits' difference.
    student, teacher = torch.randn(6, 3, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)
    difference = (student - student.mean(1, keepdim=True)) - (teacher - teacher.mean(1, keepdim=True))
    limit = difference.pow(2).sum(1).mean() / (2 * 3)
    # The loss computes in float32: a temperature at which rounding is still far below the tolerance.
    assert logits_kl(student, teacher, temperature=50.0).item() == pytest.approx(limit.item(), rel=0.05)


def test_kl_refuses_a_temperature_of_zero() -> None:
    with pytest.raises(ValueError, match="temperature is 0"):
        logits_kl(torch.zeros(1, 2), torch.zeros(1, 2), temperature=0)
