"""Losses that carry a teacher's knowledge: pure tensor functions, registered by name.

Every loss takes the student's output and the teacher's signal of the same batch and returns a scalar,
the mean over the batch, so that it is the same for any number of accumulation steps of equal size.
"""

from collections.abc import Callable

import torch
from torch.nn.functional import kl_div, log_softmax, mse_loss

LogitsLoss = Callable[..., torch.Tensor]


def logits_mse(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Mean squared difference of logits, both (B, labels).

    Ba & Caruana 2014, "Do Deep Nets Really Need to be Deep?", eq. 1; for text Tang et al. 2019,
    "Distilling Task-Specific Knowledge from BERT into Simple Neural Networks", eq. 3.
    """
    return mse_loss(student.float(), teacher.float())


def logits_kl(student: torch.Tensor, teacher: torch.Tensor, temperature: float = 2.0) -> torch.Tensor:
    """T² · KL(softmax(teacher / T) ‖ softmax(student / T)), mean over the batch; both (B, labels).

    Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", section 2; the factor T² keeps
    the gradient's scale from falling with the temperature.
    """
    if temperature <= 0:
        raise ValueError(f"temperature is {temperature}: must be above 0")
    target = log_softmax(teacher.float() / temperature, dim=-1)
    return temperature**2 * kl_div(
        log_softmax(student.float() / temperature, dim=-1), target, reduction="batchmean", log_target=True
    )


LOSSES: dict[str, LogitsLoss] = {"logits_kl": logits_kl, "logits_mse": logits_mse}
