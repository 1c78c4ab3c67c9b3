"""What is written computes what the model does, for any number and length of texts, and holds no path."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from pipeline.deployment.onnx import export_onnx, quantize
from pipeline.models.registry import student
from tests.closure import ROOT
from tests.models.test_models import LABELS, STUDENTS


def read(path: Path, ids: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(["logits"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0]
    return found


@pytest.mark.parametrize(("architecture", "settings"), STUDENTS)
def test_it_computes_what_the_model_does(
    architecture: str, settings: dict, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = student(architecture, settings, tokenizer, LABELS).eval()
    export_onnx(model, tmp_path / "model.onnx")
    quantize(tmp_path / "model.onnx", tmp_path / "int8.onnx")
    for texts, length in ((1, 1), (3, 9), (40, 20)):
        ids = torch.randint(5, 25, (texts, length))
        mask = torch.ones_like(ids)
        mask[-1, 1:] = 0
        ids[-1, 1:] = 0
        wanted = model(ids, mask).logits.detach().numpy()
        np.testing.assert_allclose(read(tmp_path / "model.onnx", ids, mask), wanted, atol=1e-5)
        np.testing.assert_allclose(read(tmp_path / "int8.onnx", ids, mask), wanted, atol=0.3)
    for path in tmp_path.iterdir():
        assert str(ROOT).encode() not in path.read_bytes(), path


def test_its_bytes_depend_on_the_model_alone(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    model = student("static", {"embedding_size": 8, "hidden_size": 4}, tokenizer, LABELS).eval()
    for name in ("one", "two"):
        export_onnx(model, tmp_path / name)
        quantize(tmp_path / name, tmp_path / f"{name}8")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one8").read_bytes() == (tmp_path / "two8").read_bytes()
