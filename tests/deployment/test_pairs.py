"""Models of pairs, exported: the graph is the model, in each architecture, and so is what reads texts for it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from pipeline.deployment.bundle import settings
from pipeline.deployment.classifier import FILES, Classifier, UnreadableError
from pipeline.deployment.onnx import export_onnx, quantize
from pipeline.deployment.runtime import pairs_of
from pipeline.models.registry import student
from pipeline.task import Task
from pipeline.text.pairs import TextOrPair
from pipeline.text.policy import Policy
from pipeline.tokens.encoding import encode
from pipeline.tokens.pairs import separate_pairs
from pipeline.tokens.training import train_tokenizer
from pipeline.training.prediction import predict
from tests.conftest import build_tokenizer
from tests.models.test_pairs import BERT

LABELS = ["no", "yes"]
TASK = Task("single_label", LABELS, pairs=True)
DISTILBERT = ("encoder", {"model_type": "distilbert", "dim": 32, "n_heads": 2, "n_layers": 1, "hidden_dim": 64})
MODELS = [
    ("static", {"embedding_size": 12, "hidden_size": 8}),
    ("bilstm", {"embedding_size": 12, "hidden_size": 8, "num_layers": 2}),
    ("textcnn", {"embedding_size": 12, "filters": 6, "widths": [1, 3], "blocks": 1}),
    BERT,
    DISTILBERT,
]
PAIRS: list[TextOrPair] = [
    ("good film", "the film was good"),
    ("bad", "a story is a plot and a book " * 4),
    ("it was not so very good", "fine"),
    ("...", "fine"),
    ("fine", "..."),
]


@pytest.mark.parametrize(("architecture", "sizes"), MODELS)
def test_what_is_exported_reads_pairs_as_the_model_does(architecture: str, sizes: dict, tmp_path: Path) -> None:
    tokenizer: PreTrainedTokenizerFast = build_tokenizer()
    separate_pairs(tokenizer, is_own=False)
    classifier, expected = exported(architecture, sizes, tokenizer, tmp_path)
    assert ("token_type_ids" in classifier.inputs) == (architecture != "encoder" or sizes["model_type"] == "bert")
    np.testing.assert_allclose(classifier.logits(classifier.encode(PAIRS)), expected, atol=1e-4)
    as_json = json.loads(json.dumps(PAIRS))
    assert classifier.encode(as_json) == classifier.encode(PAIRS), "the benchmark sends lists"
    turned = [(second, first) for first, second in PAIRS]
    assert not np.allclose(classifier.logits(classifier.encode(turned)), expected, atol=1e-4)


def test_a_tokenizer_trained_here_leaves_each_text_a_token(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(["good film bad story fine the a"] * 3, "words", 50)
    tokenizer.model_max_length = 12
    separate_pairs(tokenizer, is_own=True)
    classifier, expected = exported(*MODELS[0], tokenizer, tmp_path)
    np.testing.assert_allclose(classifier.logits(classifier.encode(PAIRS)), expected, atol=1e-4)


def exported(
    architecture: str, sizes: dict, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> tuple[Classifier, np.ndarray]:
    """The export of a model of random weights, and what the model itself says of ``PAIRS``."""
    torch.manual_seed(0)
    model = student(architecture, sizes, tokenizer, LABELS, pairs=True).eval()
    export_onnx(model, folder / FILES["fp32"])
    quantize(folder / FILES["fp32"], folder / FILES["int8"])
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    chosen = settings(TASK, tokenizer, Policy())
    assert chosen["pairs"] is True
    assert "pairs" not in settings(Task("single_label", LABELS), tokenizer, Policy())
    (folder / "settings.json").write_text(json.dumps(chosen), encoding="utf-8")
    Classifier(folder, "int8").logits(Classifier(folder, "int8").encode(PAIRS))
    table, _ = encode(tokenizer, [""] * len(PAIRS), PAIRS, tokenizer.model_max_length)
    logits, _ = predict(model, table, tokenizer.pad_token_id, 4096, "fp32", title=None)
    return Classifier(folder, "fp32"), logits


def test_pairs_come_two_by_two_or_a_tab_apart() -> None:
    assert list(pairs_of(["a", "b", "c\td", "e"], given=True)) == [("a", "b"), ("c\td", "e")]
    assert list(pairs_of(["a\tb", "c", "d\te\tf"], given=False)) == [("a", "b"), "c", ("d", "e\tf")]
    with pytest.raises(UnreadableError, match="give two texts for each"):
        list(pairs_of(["a", "b", "c"], given=True))
