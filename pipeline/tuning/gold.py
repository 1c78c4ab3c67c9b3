"""The loss of gold labels where some labels are rare, or many texts are easy."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch.nn.functional import cross_entropy, log_softmax, nll_loss

from pipeline.settings.tuning import TuningConfig

GoldLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def gold_loss(config: TuningConfig, labels: np.ndarray, n_labels: int) -> GoldLoss | None:
    """The loss that ``config`` asks for of logits (B, labels) and gold labels (B,); None if it is the plain one.

    ``labels`` (N,) are those of the training texts, which balanced weights come from; below 0 a text has none.
    """
    if not config.is_of_one_label:
        return None
    weights = balanced_weights(labels, n_labels) if config.class_weights == "balanced" else np.ones(n_labels)
    return partial(focal_loss, weights=torch.from_numpy(weights).float(), gamma=config.focus)


def focal_loss(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor, gamma: float) -> torch.Tensor:
    """−w(y) · (1 − p(y))^γ · log p(y), mean over the texts with a label; logits (B, labels), labels (B,), -100: none.

    Lin et al. 2017, "Focal Loss for Dense Object Detection", eq. 5, with the weight of a label as α. γ = 0 with equal
    weights is the cross-entropy. A batch without a label gives 0. The sum is divided by the number of texts, not by
    that of their weights, so that a batch of common labels does not count as much as one of rare ones.
    """
    weights = weights.to(logits.device)
    known = (labels >= 0).sum().clamp(min=1)
    scores = logits.float()
    if gamma == 0:
        return cross_entropy(scores, labels, weights, ignore_index=-100, reduction="sum") / known
    logs = log_softmax(scores, dim=-1)
    # 1 − p without cancellation; a power below 1 has no slope at 0.
    missing = -torch.expm1(logs).clamp(max=-torch.finfo(torch.float32).tiny)
    return nll_loss(missing**gamma * logs, labels, weights, ignore_index=-100, reduction="sum") / known


def balanced_weights(labels: np.ndarray, n_labels: int) -> np.ndarray:
    """N / (labels · how often each occurs), (labels,); 0 for a label that does not occur. The mean over texts is 1.

    After King & Zeng 2001, "Logistic Regression in Rare Events Data", as scikit-learn's ``balanced`` has it.
    """
    counts = np.bincount(labels[labels >= 0], minlength=n_labels)[:n_labels]
    return np.divide(counts.sum(), n_labels * counts, out=np.zeros(n_labels), where=counts > 0)
