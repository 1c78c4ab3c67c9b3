"""AdamW for most weights, and Adam on the rows of an embedding that a batch has touched.

A batch reads a thousand of the tens of thousands of rows of a vocabulary; `python -m benchmarks.training_speed`
prints what it saves to leave the others alone.
"""

from collections.abc import Callable, Iterable
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
    """AdamW over ``dense`` parameter groups and SparseAdam over ``sparse`` parameters, stepped as one."""

    def __init__(self, dense: list[dict[str, Any]], sparse: Iterable[torch.Tensor], learning_rate: float) -> None:
        self.parts: list[Optimizer] = [AdamW(dense, lr=learning_rate, fused=True)]
        if sparse := list(sparse):
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


def build_optimizer(model: nn.Module, decayed: set[str], learning_rate: float, weight_decay: float) -> MixedAdam:
    """The optimiser of ``model``; ``decayed`` names the parameters that ``weight_decay`` applies to.

    Sparse weights are not decayed: only the rows of the batch could be, which would punish frequent words.
    """
    sparse = sparse_parameters(model)
    taken = {id(parameter) for parameter in sparse}
    dense = [(name, each) for name, each in model.named_parameters() if each.requires_grad and id(each) not in taken]
    groups = [
        {"params": [each for name, each in dense if name in decayed], "weight_decay": weight_decay},
        {"params": [each for name, each in dense if name not in decayed], "weight_decay": 0.0},
    ]
    return MixedAdam([group for group in groups if group["params"]], sparse, learning_rate)
