"""The weighted sum of losses, phase after phase, and refusals of wrong settings."""

import pytest
import torch

from pipeline.errors import GraftError
from pipeline.models.outputs import PooledClassifierOutput
from pipeline.settings.transfer import PhaseConfig
from pipeline.transfer.objective import Objective, bind_phases, phase_at, signals_read


def phases(*listed: dict[str, object]) -> list[PhaseConfig]:
    return [PhaseConfig.model_validate(each) for each in listed]


MSE, GOLD, REPRESENTATION = {"name": "logits_mse"}, {"name": "gold"}, {"name": "representation", "weight": 2.0}


def outputs() -> PooledClassifierOutput:
    return PooledClassifierOutput(logits=torch.zeros(2, 2), pooled=torch.ones(2, 3), tokens=torch.ones(2, 4, 3))


def test_weighted_sum() -> None:
    bound = bind_phases(phases({"losses": [{"name": "logits_mse", "weight": 3.0}, {"name": "logits_kl"}]}))
    objective = Objective(bound, {})
    signals = {"teacher_logits": torch.tensor([[1.0, 1.0], [1.0, 1.0]])}
    assert objective(outputs(), signals).item() == pytest.approx(3.0)


def test_each_phase_measures_its_own_losses() -> None:
    bound = bind_phases(phases({"share": 1.0, "losses": [MSE]}, {"share": 3.0, "losses": [GOLD]}))
    assert [phase.end for phase in bound] == [0.25, 1.0]
    assert [phase_at(bound, progress).end for progress in (0.0, 0.24, 0.25, 0.99, 1.0)] == [0.25, 0.25, 1, 1, 1]
    assert [phase.needs_labels for phase in bound] == [False, True]
    objective = Objective(bound, {})
    signals = {"teacher_logits": torch.ones(2, 2), "gold": torch.tensor([0, 1])}
    assert objective(outputs(), signals).item() == pytest.approx(1)
    objective.progress = 0.5
    assert objective(outputs(), signals).item() == pytest.approx(0.6931, abs=1e-3)


def test_projections_are_made_for_the_losses_that_need_them_and_always_take_part() -> None:
    bound = bind_phases(phases({"losses": [REPRESENTATION]}, {"losses": [MSE]}))
    assert signals_read(bound) == {"teacher_pooled", "teacher_logits"}
    objective = Objective(bound, {"pooled": (3, 5)})
    assert [tuple(parameter.shape) for parameter in objective.parameters()] == [(5, 3), (5,)]
    signals = {"teacher_pooled": torch.randn(2, 5), "teacher_logits": torch.ones(2, 2)}
    assert -2 <= objective(outputs(), signals).item() <= 2
    objective.progress = 0.9
    objective(outputs(), signals).backward()
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in objective.parameters())
    assert not list(Objective(bind_phases(phases({"losses": [MSE, {"name": "cka"}]})), {}).parameters())


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"name": "logits_mae"}, r"transfer.phases.0.losses.1.name is 'logits_mae'; allowed: .*logits_kl"),
        ({"name": "logits_kl", "heat": 2.0}, r"losses.1.heat is not a setting of logits_kl; allowed: temperature"),
        ({"name": "logits_mse", "temperature": 2.0}, r"temperature is not a setting of logits_mse; allowed: none"),
        ({"name": "logits_kl", "temperature": "warm"}, r"losses.1.temperature is 'warm': must be a number"),
        ({"name": "logits_kl", "temperature": 0.0}, r"losses.1: temperature is 0.0: must be above 0"),
        ({"name": "relations", "temperature": -1}, r"losses.1: temperature is -1: must be above 0"),
    ],
)
def test_a_wrong_loss_gets_one_line(loss: dict[str, object], message: str) -> None:
    with pytest.raises(GraftError, match=message):
        bind_phases(phases({"losses": [MSE, loss]}))
