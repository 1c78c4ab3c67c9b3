"""Layers written for a runtime: as operators that it has fast kernels for.

torch's exporter would write an LSTM as a loop over tokens; and onnxruntime's matrices can be of int8, where its
convolutions of int8 are slower than those of floats.
"""

from collections.abc import Callable

import torch
from torch import nn

# ONNX orders the gates of an LSTM input, output, forget, cell; torch input, forget, cell, output.
GATES = (0, 3, 1, 2)


class OnnxLSTM(nn.Module):
    """An ``nn.LSTM`` of one layer and direction, to be exported: its forward gives zeros of the right shape."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.hidden_size = lstm.hidden_size
        weights = {name: _reordered(weight) for name, weight in lstm.named_parameters()}
        self.weight, self.recurrence, self.bias = (
            nn.Parameter(weight[None])
            for weight in (
                weights["weight_ih_l0"],
                weights["weight_hh_l0"],
                torch.cat([weights["bias_ih_l0"], weights["bias_hh_l0"]]),
            )
        )

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Read (B, T, D); return (B, T, H) and, where torch has the last states, nothing."""
        batch, length, _ = states.shape
        (found,) = torch.onnx.ops.symbolic_multi_out(
            "LSTM",
            [states.transpose(0, 1), self.weight, self.recurrence, self.bias],
            {"hidden_size": self.hidden_size},
            dtypes=[torch.float32],
            shapes=[(length, 1, batch, self.hidden_size)],
            version=20,
        )
        return found.squeeze(1).transpose(0, 1), None

    @staticmethod
    def fits(module: nn.Module) -> bool:
        """Say whether ``module`` is such an LSTM."""
        return (
            isinstance(module, nn.LSTM)
            and module.num_layers == 1
            and not module.bidirectional
            and module.batch_first
            and module.bias
            and module.proj_size == 0
        )


class MatrixConvolution(nn.Module):
    """An ``nn.Conv1d`` of stride 1 as one multiplication of the tokens of each window, side by side, with a matrix."""

    def __init__(self, convolution: nn.Conv1d) -> None:
        super().__init__()
        out, width, size = convolution.weight.shape
        self.size, self.dilation, self.padding = size, convolution.dilation[0], int(convolution.padding[0])
        self.linear = nn.Linear(size * width, out)
        with torch.no_grad():
            self.linear.weight.copy_(convolution.weight.transpose(1, 2).reshape(out, size * width))
            if convolution.bias is not None:  # which `fits` has seen to
                self.linear.bias.copy_(convolution.bias)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Map (B, D, T) to (B, F, T')."""
        padded = nn.functional.pad(states.transpose(1, 2), (0, 0, self.padding, self.padding))
        last = (self.size - 1) * self.dilation
        length = states.shape[2] + 2 * self.padding - last
        windows = [padded[:, start : start + length] for start in range(0, last + 1, self.dilation)]
        found: torch.Tensor = self.linear(torch.cat(windows, dim=2)).transpose(1, 2)
        return found

    @staticmethod
    def fits(module: nn.Module) -> bool:
        """Say whether ``module`` is such a convolution, over one group and padded with zeros."""
        return (
            isinstance(module, nn.Conv1d)
            and module.stride == (1,)
            and module.groups == 1
            and module.padding_mode == "zeros"
            and not isinstance(module.padding, str)
            and module.bias is not None
        )


def _reordered(weight: torch.Tensor) -> torch.Tensor:
    gates = weight.detach().chunk(4)
    return torch.cat([gates[at] for at in GATES])


REPLACEMENTS: tuple[tuple[Callable[[nn.Module], bool], Callable[..., nn.Module]], ...] = (
    (OnnxLSTM.fits, OnnxLSTM),
    (MatrixConvolution.fits, MatrixConvolution),
)


def use_fast_operators(model: nn.Module) -> None:
    """Replace the layers of ``model`` for which there is something faster to write."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            for fits, replacement in REPLACEMENTS:
                if fits(child):
                    setattr(parent, name, replacement(child))
