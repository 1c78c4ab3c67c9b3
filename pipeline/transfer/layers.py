"""Whole layers from a teacher into a transformer student, where their shapes allow.

After Sanh et al. 2019, "DistilBERT, a distilled version of BERT", section 3 (every other layer of the teacher).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from pipeline.tuning.layers import LAYER


def copy_layers(
    student: PreTrainedModel, teachers: Sequence[PreTrainedModel], same_tokens: Sequence[bool] | None = None
) -> int:
    """Start ``student`` from the teacher that it shares most with; return how many values were copied.

    A parameter is taken from the teacher's of like name and shape. What has no like (another family, another
    width, another vocabulary) stays as it was; so do the embeddings of a teacher whose tokens are not the student's by
    ``same_tokens``, for a row is another token there, however many there are.
    """
    same = [True] * len(teachers) if same_tokens is None else same_tokens
    pairs = max((_pairs(student, *each) for each in zip(teachers, same, strict=True)), key=_size)
    with torch.no_grad():
        for target, source in pairs:
            target.copy_(source)
    return _size(pairs)


def _pairs(
    student: PreTrainedModel, teacher: PreTrainedModel, same_tokens: bool
) -> list[tuple[nn.Parameter, nn.Parameter]]:
    target, source = dict(student.named_parameters()), dict(teacher.named_parameters())
    chosen = spaced_layers(_depth(source), _depth(target))
    own = set() if same_tokens else {id(each) for each in student.get_input_embeddings().parameters()}
    likes = {name: source.get(LAYER.sub(lambda found: str(chosen[int(found[0])]), name, count=1)) for name in target}
    return [
        (target[name], like)
        for name, like in likes.items()
        if like is not None and like.shape == target[name].shape and id(target[name]) not in own
    ]


def _size(pairs: Sequence[tuple[nn.Parameter, nn.Parameter]]) -> int:
    return sum(target.numel() for target, _ in pairs)


def spaced_layers(teacher_depth: int, student_depth: int) -> dict[int, int]:
    """Which of the teacher's layers each of the student's starts from: evenly spaced, from the first to the last."""
    return {at: int(spot) for at, spot in enumerate(np.linspace(0, teacher_depth - 1, student_depth))}


def _depth(parameters: dict[str, nn.Parameter]) -> int:
    return 1 + max((int(found[0]) for name in parameters if (found := LAYER.search(name))), default=0)
