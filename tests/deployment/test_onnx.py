"""What is written computes what the model does, for any number and length of texts, and holds no path."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

from pipeline.deployment.onnx import export_onnx, quantize
from pipeline.errors import GraftError
from pipeline.models.registry import configure, student
from tests.closure import ROOT
from tests.models.test_models import DISTILBERT, LABELS, STUDENTS

# Whole pipelines export encoders that pool by the mean.
EXPORTED = [each for each in STUDENTS if each != ("encoder", DISTILBERT)]


def read(path: Path, ids: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(["logits"], {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0]
    return found


def tables(path: Path, shape: tuple[int, ...], ending: str = "") -> list[np.ndarray]:
    stored = onnx.load(path).graph.initializer
    return [
        onnx.numpy_helper.to_array(each).astype(np.float64)
        for each in stored
        if tuple(each.dims) == shape and each.name.endswith(ending)
    ]


@pytest.mark.parametrize(("architecture", "settings"), EXPORTED)
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


@pytest.mark.parametrize(
    ("architecture", "settings"),
    [
        ("static", {"embedding_size": 32, "hidden_size": 32}),
        ("textcnn", {"embedding_size": 32, "filters": 32, "widths": [1, 2], "blocks": 2}),
        ("bilstm", {"embedding_size": 32, "hidden_size": 32}),
    ],
)
def test_eight_bits_hold_the_large_tables_too_and_say_nearly_the_same(
    architecture: str, settings: dict, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(configure(architecture, settings, 3000, 0)).eval()
    torch.nn.init.normal_(model.classifier.weight, std=1.0)
    export_onnx(model, tmp_path / "model.onnx")
    quantize(tmp_path / "model.onnx", tmp_path / "int8.onnx")
    stored = {
        name: [tuple(each.dims) for each in onnx.load(tmp_path / name).graph.initializer if each.data_type == kind]
        for name, kind in (("model.onnx", onnx.TensorProto.FLOAT), ("int8.onnx", onnx.TensorProto.INT8))
    }
    assert (3000, 32) in stored["model.onnx"]
    assert (3000, 32) in stored["int8.onnx"]
    assert (tmp_path / "int8.onnx").stat().st_size < 0.5 * (tmp_path / "model.onnx").stat().st_size
    (whole,) = tables(tmp_path / "model.onnx", (3000, 32))
    (eight,), (scale,) = tables(tmp_path / "int8.onnx", (3000, 32)), tables(tmp_path / "int8.onnx", (3000, 1), "_scale")
    assert (np.abs(eight * scale - whole) <= 0.501 * scale).all()
    assert np.abs(eight).max() == 127
    ids = torch.randint(5, 3000, (60, 12))
    mask = torch.ones_like(ids)
    whole, eight = (read(tmp_path / name, ids, mask) for name in ("model.onnx", "int8.onnx"))
    assert whole.std(axis=0).min() > 0.05, "texts that all get the same logits would show nothing"
    assert np.abs(eight - whole).mean() < 0.15 * whole.std()


class Twice(torch.nn.Module):
    """Looks its table up two times; with ``tied`` it multiplies with it as well."""

    def __init__(self, tied: bool) -> None:
        super().__init__()
        self.embedding, self.tied = torch.nn.Embedding(1200, 16), tied
        self.config = SimpleNamespace(pairs=False)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
        states = self.embedding(input_ids) + self.embedding(input_ids.flip(1)) * attention_mask[..., None]
        pooled = states.mean(dim=1)
        return SimpleNamespace(logits=(pooled[:, None] * self.embedding.weight).sum(2) if self.tied else pooled)


@pytest.mark.parametrize("tied", [False, True])
def test_a_table_that_several_read_stays_readable(tied: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Twice(tied).eval()
    export_onnx(model, tmp_path / "model.onnx")
    quantize(tmp_path / "model.onnx", tmp_path / "int8.onnx")
    assert len(tables(tmp_path / "int8.onnx", (1200, 16), "_int8")) == (0 if tied else 1)
    ids = torch.randint(5, 1200, (3, 9))
    mask = torch.ones_like(ids)
    wanted = model(ids, mask).logits.detach().numpy()
    np.testing.assert_allclose(read(tmp_path / "model.onnx", ids, mask), wanted, atol=1e-5)
    np.testing.assert_allclose(read(tmp_path / "int8.onnx", ids, mask), wanted, atol=0.1)


def test_a_model_that_torch_cannot_write_is_refused_with_one_line(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def fail(model: torch.nn.Module, *_: object, **__: object) -> None:
        encoder = getattr(model.model, "encoder", None)
        tried.append("" if encoder is None else encoder.config._attn_implementation)
        raise torch.onnx.OnnxExporterError("step 2 of 3") from ValueError("no operator\nfor it")

    monkeypatch.setattr(torch.onnx, "export", fail)
    for architecture, settings in (STUDENTS[0], STUDENTS[-1]):
        model = student(architecture, settings, tokenizer, LABELS).eval()
        with pytest.raises(GraftError, match=r"cannot be written as ONNX: no operator; .*choose another") as caught:
            export_onnx(model, tmp_path / "model.onnx")
        assert "\n" not in str(caught.value)
    assert tried == ["", "sdpa", "eager"]
