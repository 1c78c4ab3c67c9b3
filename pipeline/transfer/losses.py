"""Losses that carry a teacher's knowledge: pure tensor functions, registered by name.

Every loss takes the student's part and the teacher's signal of the same batch and returns a scalar, the
mean over the batch, so that those of its parts, weighed by what each has, add up to that of the whole. A loss among
texts (``similarity``, ``relations``, ``cka``) sees their pairs, and its batch cannot be divided.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cosine_similarity,
    cross_entropy,
    kl_div,
    log_softmax,
    mse_loss,
    normalize,
)

from pipeline.models.outputs import label_loss

LossFunction = Callable[..., torch.Tensor]


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
    _above_zero(temperature)
    target = log_softmax(teacher.float() / temperature, dim=-1)
    return temperature**2 * kl_div(
        log_softmax(student.float() / temperature, dim=-1), target, reduction="batchmean", log_target=True
    )


def labels_kl(student: torch.Tensor, teacher: torch.Tensor, temperature: float = 2.0) -> torch.Tensor:
    """``logits_kl`` where labels do not exclude one another: each is a distribution of its own, of two outcomes.

    T² · Σ KL(σ(teacher / T) ‖ σ(student / T)) over the labels, mean over the batch; both (B, labels).
    """
    _above_zero(temperature)
    logits, scaled = student.float() / temperature, teacher.float() / temperature
    target = scaled.sigmoid()
    crossed = binary_cross_entropy_with_logits(logits, target, reduction="none")
    own = binary_cross_entropy_with_logits(scaled, target, reduction="none")
    return temperature**2 * (crossed - own).sum(-1).mean()


def gold(student: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """``label_loss`` of logits (B, labels) and gold labels; rows without one, -100 or NaN, do not count.

    A batch without a labelled row gives 0.
    """
    if not labels.is_floating_point():
        known = (labels >= 0).sum().clamp(min=1)
        return cross_entropy(student.float(), labels, ignore_index=-100, reduction="sum") / known
    rows = ~labels.isnan().any(-1)
    cost = label_loss(student.float(), torch.where(rows[:, None], labels, 0.0), reduction="none").mean(-1)
    return (cost * rows).sum() / rows.sum().clamp(min=1)


def representation(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """−1/N Σ q(T)·q(L) of sentence vectors, both (B, width), each brought to length 1: −1 where they agree.

    Graft's founding loss; as a cosine loss in Sanh et al. 2019, "DistilBERT, a distilled version of
    BERT", section 2. The student's vectors come projected to the teacher's width.
    """
    return -cosine_similarity(student.float(), teacher.float(), dim=-1).mean()


def similarity(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """‖G(student) − G(teacher)‖² / B², G the row-normalised (B, B) products of (B, width) vectors; any two widths.

    Tung & Mori 2019, "Similarity-Preserving Knowledge Distillation", eqs. 1 to 4.
    """
    grams = [normalize(states.float() @ states.float().T, dim=1) for states in (student, teacher)]
    return (grams[0] - grams[1]).square().mean()


def relations(student: torch.Tensor, teacher: torch.Tensor, temperature: float = 0.1) -> torch.Tensor:
    """KL between the texts' relations, softmax over the batch of cosine / temperature, itself left out; any two widths.

    After Wang et al. 2021, "MiniLMv2: Multi-Head Self-Attention Relation Distillation", eq. 1, with
    texts of a batch in the place of a text's tokens. A batch of fewer than three texts gives 0.
    """
    _above_zero(temperature)
    if len(student) < 3:
        return student.float().sum() * 0
    others = ~torch.eye(len(student), dtype=torch.bool, device=student.device)
    scores = [
        (normalize(states.float(), dim=1) @ normalize(states.float(), dim=1).T)[others].view(len(student), -1)
        for states in (student, teacher)
    ]
    wanted = log_softmax(scores[1] / temperature, dim=-1)
    return kl_div(log_softmax(scores[0] / temperature, dim=-1), wanted, reduction="batchmean", log_target=True)


def cka(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """1 − linear CKA of the centred (B, width) vectors: 0 up to rotation and scale; any two widths.

    Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited", section 3; as a
    loss Saha et al. 2022, "Distilling Representational Similarity using Centered Kernel Alignment".
    """
    one, other = (states.float() - states.float().mean(0) for states in (student, teacher))
    shared = (other.T @ one).square().sum()
    sizes = (one.T @ one).norm() * (other.T @ other).norm()
    return 1 - shared / sizes.clamp(min=torch.finfo(torch.float32).tiny)


def token_states(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """1 − cosine of token states, both (B, T, width), mean over the tokens that the teacher knows.

    ``teacher`` holds for each of the student's tokens the mean state of the teacher's tokens that share
    its characters; all zeros where there is none. After Jiao et al. 2020, "TinyBERT", eq. 8, with a
    cosine for the squared difference so that widths and scales do not matter. No known token gives 0.
    """
    known = teacher.abs().sum(-1) > 0
    angles = 1 - cosine_similarity(student.float(), teacher.float(), dim=-1)
    return (angles * known).sum() / known.sum().clamp(min=1)


def _above_zero(temperature: float) -> None:
    if temperature <= 0:
        raise ValueError(f"temperature is {temperature}: must be above 0")


@dataclass(frozen=True)
class Loss:
    """A loss, what it reads of a batch, whether the student's part is first projected to the teacher's width, and
    whether it compares the texts ``among`` one another.
    """

    function: LossFunction
    reads: Literal["logits", "labels", "pooled", "tokens"]
    projected: bool = False
    among: bool = False


LOSSES: dict[str, Loss] = {
    "cka": Loss(cka, "pooled", among=True),
    "gold": Loss(gold, "labels"),
    "logits_kl": Loss(logits_kl, "logits"),
    "logits_mse": Loss(logits_mse, "logits"),
    "relations": Loss(relations, "pooled", among=True),
    "representation": Loss(representation, "pooled", projected=True),
    "similarity": Loss(similarity, "pooled", among=True),
    "token_states": Loss(token_states, "tokens", projected=True),
}
