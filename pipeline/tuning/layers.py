"""The layers of a model, from its embeddings to its head, whatever its architecture."""

import re
from collections.abc import Sequence

from torch import nn

# The number of a layer in a parameter's name: `encoder.layer.3.attention.self.query.weight`.
LAYER = re.compile(r"(?<=\.)\d+(?=\.)")

# What a task is learnt with: the classifier, what compares two texts, and the attention that an encoder's states are
# pooled by.
HEAD = ("classifier.", "comparison.", "attention.")

# Numbered modules that lie beside one another, all on top: the windows of textcnn.
BESIDE = ("convolutions.",)


def layer_groups(model: nn.Module) -> list[list[nn.Parameter]]:
    """Parameters of a classifier of this pipeline: its embeddings, each of its layers from the lowest up, its head.

    Layers are told by the numbers in the names of their parameters. What has none belongs to the embeddings if it is
    named so or comes before the first layer, else to the topmost layer. A model without numbered layers counts as one
    layer between embeddings and head. A group may be empty.
    """
    named = list(model.named_parameters())
    numbers = [None if name.startswith(HEAD + BESIDE) else LAYER.search(name) for name, _ in named]
    depth = max((int(found[0]) + 1 for found in numbers if found), default=1)
    first = next((at for at, found in enumerate(numbers) if found), 0)
    groups: list[list[nn.Parameter]] = [[] for _ in range(depth + 2)]
    for at, ((name, parameter), found) in enumerate(zip(named, numbers, strict=True)):
        if name.startswith(HEAD):
            groups[-1].append(parameter)
        elif found:
            groups[1 + int(found[0])].append(parameter)
        else:
            groups[0 if at < first or "embed" in name else depth].append(parameter)
    return groups


def decayed_shares(groups: Sequence[Sequence[nn.Parameter]], decay: float) -> dict[int, float]:
    """Each parameter's share of the learning rate, by its ``id``: 1 for the head, ``decay`` less in each group below.

    Discriminative fine-tuning: Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text Classification",
    section 3.2, with ``decay`` = 1 / 2.6; by layer as in Clark et al. 2020, "ELECTRA", appendix B.
    """
    top = len(groups) - 1
    return {id(each): decay ** (top - at) for at, group in enumerate(groups) for each in group}
