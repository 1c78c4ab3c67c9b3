"""AdamW for most weights, and Adam on the rows of an embedding that a batch has touched.

A batch reads a thousand of the tens of thousands of rows of a vocabulary; `python -m benchmarks.training_speed`
prints what it saves to leave the others alone.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW, Optimizer, SparseAdam

# Rows from which a sparse update of an embedding is cheaper than a dense one.
LARGE = 2000

# Of Adam over a batch's rows. Dense Adam moves a row on for a while after the batch that touched it, by the momentum
# it left: 1 / (1 - β₁) times the first step altogether. A sparse update sees that row again only when a batch has it,
# so a rare row would move by a tenth of what Adam gives it; without momentum the whole move is made at once.
SPARSE_BETAS = (0.0, 0.999)


class MixedAdam(Optimizer):
    """AdamW over ``dense`` parameter groups and SparseAdam over ``sparse`` ones, stepped as one."""

    def __init__(self, dense: list[dict[str, Any]], sparse: list[dict[str, Any]], learning_rate: float) -> None:
        self.parts: list[Optimizer] = [AdamW(dense, lr=learning_rate, fused=True)]
        if sparse:
            self.parts.append(SparseAdam(sparse, lr=learning_rate, betas=SPARSE_BETAS))
        super().__init__([group for part in self.parts for group in part.param_groups], {"lr": learning_rate})
        # One list of groups, shared with the parts: a scheduler that sets a group's rate sets the part's.
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every weight that has a gradient."""
        assert closure is None, "Trainer steps without a closure"
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """The parts' states, in order."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def make_embeddings_sparse(model: nn.Module) -> None:
    """Let large embeddings of ``model`` give a gradient of the batch's rows alone."""
    for module in model.modules():
        if isinstance(module, nn.Embedding) and module.num_embeddings >= LARGE:
            module.sparse = True


def sparse_parameters(model: nn.Module) -> list[torch.Tensor]:
    """The weights of embeddings whose gradient holds the rows of a batch alone."""
    return [module.weight for module in model.modules() if isinstance(module, nn.Embedding) and module.sparse]


def build_optimizer(
    model: nn.Module,
    decayed: set[str],
    learning_rate: float,
    weight_decay: float,
    shares: Mapping[int, float] | None = None,
) -> MixedAdam:
    """The optimiser of what has a gradient in ``model``; ``decayed`` names the parameters that are to decay.

    ``shares`` of the learning rate are by the ``id`` of a parameter, 1 for those that it lacks. Sparse weights do not
    decay: only the rows of the batch could, which would punish frequent words.
    """
    learning = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    taken = {id(parameter) for parameter in sparse_parameters(model)}
    dense: dict[tuple[float, bool], list[nn.Parameter]] = {}
    sparse: dict[float, list[nn.Parameter]] = {}
    share_of = dict(shares or {})
    for name, each in learning:
        share = share_of.get(id(each), 1.0)
        if id(each) in taken:
            sparse.setdefault(share, []).append(each)
        else:
            dense.setdefault((share, name in decayed), []).append(each)
    # Largest rate first, which is the one that Trainer logs; of each rate those that decay first.
    groups = [
        {"params": dense[share, decays], "lr": share * learning_rate, "weight_decay": weight_decay if decays else 0.0}
        for share, decays in sorted(dense, reverse=True)
    ]
    tables = [{"params": sparse[share], "lr": share * learning_rate} for share in sorted(sparse, reverse=True)]
    return MixedAdam(groups, tables, learning_rate)
