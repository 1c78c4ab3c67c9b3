"""A model as ONNX: the graph that torch exports, in fp32, and the same with weights of eight bits."""

import logging
import warnings
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn
from transformers import PreTrainedModel

# Matrices; embeddings are in eight bits before they come here. Convolutions stay as they are: onnxruntime's integer
# convolutions are slower than those of floats.
QUANTIZED = ["MatMul", "Gemm", "LSTM"]


class _Logits(nn.Module):
    """A classifier that returns its logits alone."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def export_onnx(model: PreTrainedModel, target: Path) -> None:
    """Write ``model`` to ``target``: ``input_ids`` and ``attention_mask`` (B, T) int64 to ``logits`` (B, labels).

    B and T are free. The file's bytes depend on the model alone.
    """
    # Two texts, the second shorter: a size of one would be taken for a constant.
    ids = torch.arange(2, 14).reshape(2, 6) % model.config.vocab_size
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            _Logits(model).eval(),
            (ids, mask),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_shapes={"input_ids": sizes, "attention_mask": sizes},
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    _forget_where(graph)
    onnx.save(graph, str(target))


def _forget_where(model: onnx.ModelProto) -> None:
    """Remove what torch notes of the code that made each node: it holds paths of this machine."""
    for holder in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del holder.metadata_props[:]
        holder.doc_string = ""
    for function in model.functions:
        _forget_function(function)


def _forget_function(function: onnx.FunctionProto) -> None:
    for holder in (function, *function.node, *function.value_info):
        del holder.metadata_props[:]
        holder.doc_string = ""


def quantize(source: Path, target: Path) -> None:
    """Write the model of ``source`` with int8 weights; activations are quantized as they come, batch by batch."""
    prepared = target.with_name(f"{target.name}.prepared")
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    quantize_dynamic(
        str(prepared), str(target), op_types_to_quantize=QUANTIZED, weight_type=QuantType.QInt8, per_channel=True
    )
    prepared.unlink()
