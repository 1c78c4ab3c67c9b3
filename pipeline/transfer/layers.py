"""Whole layers from a teacher into a transformer student, where their shapes allow.

After Sanh et al. 2019, "DistilBERT, a distilled version of BERT", section 3 (every other layer of the teacher).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from pipeline.tuning.layers import LAYER


def copy_layers(student: nn.Module, teachers: Sequence[nn.Module]) -> int:
    """Start ``student`` from the teacher that it shares most with; return how many values were copied.

    A parameter is taken from the teacher's of like name and shape. What has no like (another family, another
    width, another vocabulary) stays as it was.
    """
    pairs = max((_pairs(student, teacher) for teacher in teachers), key=_size)
    with torch.no_grad():
        for target, source in pairs:
            target.copy_(source)
    return _size(pairs)


def _pairs(student: nn.Module, teacher: nn.Module) -> list[tuple[nn.Parameter, nn.Parameter]]:
    target, source = dict(student.named_parameters()), dict(teacher.named_parameters())
    chosen = spaced_layers(_depth(source), _depth(target))
    likes = {name: source.get(LAYER.sub(lambda found: str(chosen[int(found[0])]), name, count=1)) for name in target}
    return [
        (target[name], like) for name, like in likes.items() if like is not None and like.shape == target[name].shape
    ]


def _size(pairs: Sequence[tuple[nn.Parameter, nn.Parameter]]) -> int:
    return sum(target.numel() for target, _ in pairs)


def spaced_layers(teacher_depth: int, student_depth: int) -> dict[int, int]:
    """Which of the teacher's layers each of the student's starts from: evenly spaced, from the first to the last."""
    return {at: int(spot) for at, spot in enumerate(np.linspace(0, teacher_depth - 1, student_depth))}


def _depth(parameters: dict[str, nn.Parameter]) -> int:
    return 1 + max((int(found[0]) for name in parameters if (found := LAYER.search(name))), default=0)
