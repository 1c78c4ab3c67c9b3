"""LSTMs as ONNX's own operator, which runtimes have fast kernels for; torch's exporter would write a loop over tokens."""

import torch
from torch import nn

# ONNX orders the gates input, output, forget, cell; torch input, forget, cell, output.
ORDER = (0, 3, 1, 2)


class OnnxLSTM(nn.Module):
    """An ``nn.LSTM`` of one layer and direction, to be exported: its forward gives zeros of the right shape."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.hidden_size = lstm.hidden_size
        self.weight: torch.Tensor
        self.recurrence: torch.Tensor
        self.bias: torch.Tensor
        self.register_buffer("weight", _reordered(lstm.weight_ih_l0)[None])
        self.register_buffer("recurrence", _reordered(lstm.weight_hh_l0)[None])
        self.register_buffer("bias", torch.cat([_reordered(lstm.bias_ih_l0), _reordered(lstm.bias_hh_l0)])[None])

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


def _reordered(weight: torch.Tensor) -> torch.Tensor:
    gates = weight.detach().chunk(4)
    return torch.cat([gates[at] for at in ORDER])


def replace_lstms(model: nn.Module) -> None:
    """Put an ``OnnxLSTM`` in the place of every LSTM in ``model`` that has one layer and direction, and biases."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.LSTM) and _plain(child):
                setattr(parent, name, OnnxLSTM(child))


def _plain(lstm: nn.LSTM) -> bool:
    return lstm.num_layers == 1 and not lstm.bidirectional and lstm.batch_first and lstm.bias and lstm.proj_size == 0
