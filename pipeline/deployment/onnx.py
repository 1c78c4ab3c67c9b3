"""A model as ONNX: the graph that torch exports, in fp32, and the same with weights of eight bits."""

import copy
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn
from transformers import PreTrainedModel

from pipeline.deployment.operators import use_fast_operators
from pipeline.errors import GraftError

# Matrices; embeddings are in eight bits before onnxruntime comes to them.
QUANTIZED = ["MatMul", "Gemm", "LSTM"]


class _Logits(nn.Module):
    """A classifier that returns its logits alone."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> torch.Tensor:
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask, **types).logits
        return logits


def export_onnx(model: PreTrainedModel, target: Path) -> None:
    """Write ``model`` to ``target``: ``input_ids`` and ``attention_mask`` (B, T) int64 to ``logits`` (B, labels).

    Of pairs it reads ``token_type_ids`` (B, T) too, unless it knows no types of tokens. B and T are free. The file's
    bytes depend on the model alone.
    Raises GraftError if torch cannot write the architecture, or only for texts of one length.
    """
    model = copy.deepcopy(model)
    use_fast_operators(model)
    try:
        graph = _trace(model)
    except torch.onnx.OnnxExporterError as error:
        encoder = getattr(model, "encoder", None)
        if encoder is None:
            raise _refused(model, error) from None
        # Attention as one operation is not written for every architecture (T5); step by step it is.
        encoder.set_attn_implementation("eager")
        try:
            graph = _trace(model)
        except torch.onnx.OnnxExporterError as again:
            raise _refused(model, again) from None
    if not all(size.dim_param for size in graph.graph.input[0].type.tensor_type.shape.dim):
        raise _refused(model, ValueError("the graph holds for one length of texts alone"))
    _forget_where(graph)
    onnx.save(graph, str(target))


def _refused(model: PreTrainedModel, error: Exception) -> GraftError:
    kind = getattr(model, "encoder", model).config.model_type
    while error.__cause__ is not None:
        error = error.__cause__  # type: ignore[assignment]
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return GraftError(
        f"{kind} cannot be written as ONNX: {reason}; torch.onnx.export does not know all of its operations: choose "
        "another architecture, such as bert or modernbert"
    )


def _trace(model: PreTrainedModel) -> onnx.ModelProto:
    # Two texts, the second shorter: a size of one would be taken for a constant.
    ids = torch.arange(12).reshape(2, 6)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
    inputs = {"input_ids": ids, "attention_mask": mask}
    if getattr(model.config, "pairs", False) and getattr(model, "knows_types", True):
        types = (torch.arange(6) >= 3).long().expand(2, -1)
        inputs["token_type_ids"] = types * mask
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            _Logits(model).eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_shapes=dict.fromkeys(inputs, sizes),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _forget_where(model: onnx.ModelProto) -> None:
    """Remove what torch notes of the code that made each node: it holds paths of this machine."""
    holders = [model, *model.graph.initializer]
    for body in (model.graph, *model.functions):
        holders += [body, *body.node, *body.value_info]
    for holder in holders:
        del holder.metadata_props[:]
        holder.doc_string = ""


def quantize(source: Path, target: Path) -> None:
    """Write the model of ``source`` with int8 weights; activations are quantized as they come, batch by batch."""
    prepared = target.with_name(f"{target.name}.prepared")
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    model = onnx.load(prepared)
    _quantize_embeddings(model.graph)
    onnx.save(model, prepared)
    quantize_dynamic(
        str(prepared),
        str(target),
        op_types_to_quantize=QUANTIZED,
        weight_type=QuantType.QInt8,
        per_channel=True,
        # Weights of 7 bits: a processor without VNNI adds pairs of products in 16 bits, which those of 8 overflow.
        reduce_range=True,
    )
    prepared.unlink()


def _quantize_embeddings(graph: onnx.GraphProto) -> None:
    """Store tables that are looked up as int8 with a scale a row.

    onnxruntime's own dynamic quantization leaves them as they are, and in a student they are nearly everything.
    """
    tables = {each.name: each for each in graph.initializer if _large(each)}
    for node in graph.node:
        # What is read as anything but rows stays as it is.
        for name in node.input[1:] if _looks_up(node) else node.input:
            tables.pop(name, None)
    nodes: list[onnx.NodeProto] = []
    looked_up: dict[str, onnx.TensorProto] = {}
    for node in graph.node:
        if not _looks_up(node) or node.input[0] not in tables:
            nodes.append(node)
            continue
        name, rows, found = node.input[0], node.input[1], node.output[0]
        looked_up[name] = tables[name]
        nodes += [
            helper.make_node("Gather", [f"{name}_int8", rows], [f"{found}_int8"], f"{found}_look"),
            helper.make_node("Cast", [f"{found}_int8"], [f"{found}_float"], f"{found}_cast", to=TensorProto.FLOAT),
            helper.make_node("Gather", [f"{name}_scale", rows], [f"{found}_scale"], f"{found}_look_scale"),
            helper.make_node("Mul", [f"{found}_float", f"{found}_scale"], [found], f"{found}_mul"),
        ]
    # A table may be looked up more than once, as LayoutLM's of places are.
    for name, table in looked_up.items():
        values = numpy_helper.to_array(table)
        scale = np.maximum(np.abs(values).max(axis=1, keepdims=True), 1e-12) / 127
        graph.initializer.extend(
            [
                numpy_helper.from_array(np.rint(values / scale).astype(np.int8), f"{name}_int8"),
                numpy_helper.from_array(scale.astype(np.float32), f"{name}_scale"),
            ]
        )
        graph.initializer.remove(table)
    del graph.node[:]
    graph.node.extend(nodes)


def _looks_up(node: onnx.NodeProto) -> bool:
    """Say whether a node reads rows of its first input."""
    return node.op_type == "Gather" and not any(each.name == "axis" and each.i for each in node.attribute)


def _large(tensor: onnx.TensorProto) -> bool:
    """Say whether a matrix of floats is worth it: with a few columns, the scales would be as large."""
    return (
        tensor.data_type == TensorProto.FLOAT
        and len(tensor.dims) == 2
        and tensor.dims[0] >= 1000
        and tensor.dims[1] >= 8
    )
