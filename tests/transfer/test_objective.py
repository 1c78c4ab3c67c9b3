import pytest
import torch

from pipeline.configs import LossConfig
from pipeline.errors import GraftError
from pipeline.models.outputs import PooledClassifierOutput
from pipeline.transfer.losses import logits_kl, logits_mse
from pipeline.transfer.objective import Objective


def test_weighted_sum_of_the_terms() -> None:
    student, teacher = torch.randn(4, 3), torch.randn(4, 3)
    objective = Objective([LossConfig(name="logits_mse", weight=2.0), LossConfig(name="logits_kl", temperature=3.0)])
    expected = 2 * logits_mse(student, teacher) + logits_kl(student, teacher, temperature=3.0)
    torch.testing.assert_close(objective(PooledClassifierOutput(logits=student), {"teacher_logits": teacher}), expected)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"name": "cosine"}, "transfer.losses.0.name is 'cosine'; allowed: logits_kl, logits_mse"),
        ({"name": "logits_mse", "temperature": 2.0}, "temperature is not a setting of logits_mse; allowed: none"),
        ({"name": "logits_kl", "temprature": 2.0}, "temprature is not a setting of logits_kl; allowed: temperature"),
        ({"name": "logits_kl", "temperature": "hot"}, "must be a number"),
        ({"name": "logits_kl", "temperature": 0}, "must be above 0"),
    ],
)
def test_what_does_not_exist_is_refused(loss: dict, message: str) -> None:
    with pytest.raises(GraftError, match=message):
        Objective([LossConfig(**loss)])
