"""A small export."""

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from pipeline.artifacts import write_json
from pipeline.deployment.bundle import settings
from pipeline.deployment.classifier import FILES
from pipeline.deployment.onnx import export_onnx, quantize
from pipeline.models.registry import student
from pipeline.text.policy import Policy
from tests.conftest import one_label


@pytest.fixture(scope="session")
def exported(tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    torch.manual_seed(0)
    model = student("static", {"embedding_size": 8, "hidden_size": 8}, tokenizer, ["bad", "good"]).eval()
    export_onnx(model, folder / FILES["fp32"])
    quantize(folder / FILES["fp32"], folder / FILES["int8"])
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    chosen = settings(one_label("bad", "good"), tokenizer, Policy(), 1.0, 0.5)
    write_json(folder / "settings.json", chosen)
    return folder
