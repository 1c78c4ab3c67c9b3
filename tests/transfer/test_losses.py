"""Known answers, limits, symmetry, invariance and gradients of the transfer losses."""

import math

import pytest
import torch

from pipeline.transfer.losses import (
    LOSSES,
    cka,
    gold,
    labels_kl,
    logits_kl,
    logits_mse,
    relations,
    representation,
    similarity,
    token_states,
)

LOGITS = sorted(name for name, loss in LOSSES.items() if loss.reads == "logits")
POOLED = sorted(name for name, loss in LOSSES.items() if loss.reads == "pooled")
ANY_WIDTH = ["cka", "relations", "similarity"]


def batch(name: str, rows: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    """A student's part and a teacher's signal of the shapes that the loss reads."""
    if LOSSES[name].reads == "labels":
        return torch.randn(rows, 3), torch.tensor([0, 2, -100, 1, 1, 0][:rows])
    shape = (rows, 5, 4) if LOSSES[name].reads == "tokens" else (rows, 4)
    return torch.randn(shape), torch.randn(shape)


@pytest.mark.parametrize("name", [*LOGITS, *ANY_WIDTH, "token_states"])
def test_zero_where_student_and_teacher_agree(name: str) -> None:
    states, _ = batch(name)
    assert LOSSES[name].function(states, states).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_greater_where_they_do_not(name: str) -> None:
    student, teacher = batch(name)
    equal = torch.nn.functional.one_hot(teacher.clamp(min=0), 3) * 20.0 if name == "gold" else teacher
    assert LOSSES[name].function(student, teacher) > LOSSES[name].function(equal, teacher) + 0.01


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_gradient_agrees_with_finite_differences(name: str) -> None:
    student, teacher = batch(name)
    student.requires_grad_()
    LOSSES[name].function(student, teacher).backward()
    assert student.grad is not None
    step = 1e-2
    for at in ((0,) * student.dim(), (student.shape[0] - 2, *(size - 1 for size in student.shape[1:]))):
        shift = torch.zeros_like(student)
        shift[at] = step
        with torch.no_grad():
            slope = (
                LOSSES[name].function(student + shift, teacher) - LOSSES[name].function(student - shift, teacher)
            ) / (2 * step)
        assert student.grad[at].item() == pytest.approx(slope.item(), abs=2e-3)


@pytest.mark.parametrize("name", [*LOGITS, "gold", "representation", "similarity", "cka", "token_states"])
def test_mean_over_the_batch(name: str) -> None:
    student, teacher = batch(name)
    twice = LOSSES[name].function(torch.cat([student, student]), torch.cat([teacher, teacher]))
    # A similarity matrix of twice the rows has rows of twice the entries, each of them 1/√2 as long.
    factor = 0.5 if name == "similarity" else 1.0
    torch.testing.assert_close(twice, factor * LOSSES[name].function(student, teacher), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [*ANY_WIDTH, "representation", "token_states"])
def test_scale_does_not_matter(name: str) -> None:
    student, teacher = batch(name)
    torch.testing.assert_close(
        LOSSES[name].function(7 * student, teacher / 3), LOSSES[name].function(student, teacher), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("name", ANY_WIDTH)
def test_widths_may_differ_and_a_rotation_does_not_matter(name: str) -> None:
    student, teacher = torch.randn(8, 3), torch.randn(8, 5)
    rotation = torch.linalg.qr(torch.randn(3, 3)).Q
    value = LOSSES[name].function(student, teacher)
    torch.testing.assert_close(LOSSES[name].function(student @ rotation, teacher), value, rtol=1e-4, atol=1e-5)
    widened = torch.cat([student, torch.zeros(8, 2)], dim=1)
    assert LOSSES[name].function(widened, student).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("name", ["logits_mse", "representation", "similarity", "cka"])
def test_symmetric(name: str) -> None:
    one, other = batch(name)
    torch.testing.assert_close(LOSSES[name].function(one, other), LOSSES[name].function(other, one))


def test_mse_known_answer() -> None:
    assert logits_mse(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]])).item() == pytest.approx((1 + 4) / 2)


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


@pytest.mark.parametrize("loss", [logits_kl, relations])
def test_a_temperature_of_zero_is_refused(loss: object) -> None:
    with pytest.raises(ValueError, match="temperature is 0"):
        loss(torch.zeros(1, 2), torch.zeros(1, 2), temperature=0)  # type: ignore[operator]


def test_gold_is_the_mean_over_the_labelled_rows() -> None:
    logits = torch.tensor([[math.log(3.0), 0.0], [5.0, 0.0], [0.0, 0.0]])
    expected = (-math.log(0.75) - math.log(0.5)) / 2
    assert gold(logits, torch.tensor([0, -100, 1])).item() == pytest.approx(expected, rel=1e-5)
    assert gold(logits, torch.tensor([-100, -100, -100])).item() == 0


def test_representation_is_minus_the_mean_cosine() -> None:
    student = torch.tensor([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])
    teacher = torch.tensor([[5.0, 0.0], [1.0, 0.0], [-1.0, -1.0]])
    assert representation(student, teacher).item() == pytest.approx(-(1 + 0 - 1) / 3, abs=1e-6)
    assert representation(student, student).item() == pytest.approx(-1)


def test_similarity_known_answer() -> None:
    # Products [[1, 0], [0, 1]] against [[1, 1], [1, 1]] / √2.
    expected = ((1 - 0.5**0.5) ** 2 + 0.5) / 2
    assert similarity(torch.eye(2), torch.ones(2, 2)).item() == pytest.approx(expected, rel=1e-5)


def test_relations_leave_out_a_texts_likeness_to_itself() -> None:
    # Three texts: of the two others, the student finds one alike and the teacher finds both alike.
    student = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    near = math.exp(1) / (math.exp(1) + 1)
    one_sided = math.log(0.5 / near) * 0.5 + math.log(0.5 / (1 - near)) * 0.5
    value = relations(student, torch.ones(3, 2), temperature=1.0)
    assert value.item() == pytest.approx(2 * one_sided / 3, rel=1e-4)
    assert relations(student[:2], student[:2]).item() == 0


def test_cka_of_unrelated_directions_is_one() -> None:
    one = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    other = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]])
    assert cka(one, other).item() == pytest.approx(1)
    # A constant added to every text says nothing of any.
    torch.testing.assert_close(cka(one + 9, other - 4), cka(one, other))


def test_token_states_count_the_tokens_that_the_teacher_knows() -> None:
    teacher = torch.tensor([[[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]]])
    student = torch.tensor([[[1.0, 0.0], [9.0, 9.0], [2.0, 0.0]]])
    assert token_states(student, teacher).item() == pytest.approx((0 + 1) / 2)
    assert token_states(student, torch.zeros(1, 3, 2)).item() == 0


def test_labels_kl_is_the_sum_of_the_labels_own_divergences() -> None:
    student, teacher = torch.randn(5, 3), torch.randn(5, 3)
    outcomes = [torch.stack([states / 2, torch.zeros_like(states)], dim=-1) for states in (student, teacher)]
    wanted = outcomes[1].log_softmax(-1)
    each = (wanted.exp() * (wanted - outcomes[0].log_softmax(-1))).sum(-1)
    torch.testing.assert_close(labels_kl(student, teacher, temperature=2.0), 4 * each.sum(-1).mean())
    assert labels_kl(teacher, teacher).item() == pytest.approx(0, abs=1e-6)


def test_gold_of_several_labels_and_of_numbers_leaves_out_rows_without_one() -> None:
    logits, nothing = torch.randn(3, 4), math.nan
    several = torch.tensor([[1.0, 0, 0, 1], [nothing] * 4, [0, 0, 0, 0]])
    kept = torch.tensor([0, 2])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits[kept], several[kept])
    torch.testing.assert_close(gold(logits, several), expected)
    number = torch.tensor([[1.5], [nothing], [-2.0]])
    expected = (logits[kept, :1] - number[kept]).square().mean()
    torch.testing.assert_close(gold(logits[:, :1], number), expected)
    logits.requires_grad_()
    gold(logits, torch.full((3, 4), nothing)).backward()
    assert logits.grad is not None
    assert not logits.grad.any()
