"""A small model, as training leaves it and exported, and the command as a user calls it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pipeline.artifacts import write_json
from pipeline.deployment.bundle import settings, write_code
from pipeline.deployment.classifier import FILES, Classifier
from pipeline.deployment.onnx import export_onnx, quantize
from pipeline.models.registry import student
from pipeline.text.policy import Policy
from pipeline.tokens.training import train_tokenizer
from tests.closure import ROOT
from tests.conftest import one_label

LABELS = ["bad", "good"]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student of random weights that reads letters."""
    folder = tmp_path_factory.mktemp("models") / "static"
    tokenizer = train_tokenizer(["abcdefghijklmnopqrstuvwxyz 0123456789"] * 2, "characters", 100, lowercase=True)
    tokenizer.model_max_length = 32
    torch.manual_seed(0)
    student("static", {"embedding_size": 8, "hidden_size": 8}, tokenizer, LABELS).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_json(folder / "text.json", Policy().values())
    return folder


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> Path:
    """The same student as ``export`` writes it."""
    from pipeline.models.registry import load_model
    from pipeline.tokens.encoding import load_tokenizer

    folder = tmp_path_factory.mktemp("exports") / "static"
    tokenizer = load_tokenizer(trained)
    folder.mkdir()
    export_onnx(load_model(trained), folder / FILES["fp32"])
    quantize(folder / FILES["fp32"], folder / FILES["int8"])
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    chosen = settings(one_label(*LABELS), tokenizer, Policy(), temperature=0.5, threshold=0.51)
    write_json(folder / "settings.json", chosen)
    write_code(folder, Policy())
    return folder


@pytest.fixture(scope="session")
def classifier(exported: Path) -> Classifier:
    return Classifier(exported)


def run(*words: object, stdin: str | bytes = "", **settings: object) -> subprocess.CompletedProcess:
    """Call ``python`` with ``words``."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    options = {"cwd": ROOT, "env": environment, "capture_output": True, "input": data, **settings}
    return subprocess.run([sys.executable, *map(str, words)], **options)


def predict(*words: object, stdin: str | bytes = "", **settings: object) -> subprocess.CompletedProcess:
    """Call the command."""
    return run("-m", "pipeline.predict", *words, stdin=stdin, **settings)
