"""Layers are told apart whatever the architecture, and each learns at its own rate."""

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from pipeline.models.registry import student
from pipeline.training.optimizer import build_optimizer, make_embeddings_sparse
from pipeline.tuning.layers import decayed_shares, layer_groups
from tests.tuning.conftest import LABELS, Teacher

GPT = {"model_type": "gpt2", "n_embd": 16, "n_layer": 3, "n_head": 2}
MODERN = {
    "model_type": "modernbert", "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2,
    "intermediate_size": 16, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3,
}  # fmt: skip
DEBERTA = {
    "model_type": "deberta-v2", "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2,
    "intermediate_size": 16, "relative_attention": True,
}  # fmt: skip


def names(model: torch.nn.Module) -> list[list[str]]:
    known = {id(parameter): name for name, parameter in model.named_parameters()}
    return [[known[id(each)] for each in group] for group in layer_groups(model)]


def test_a_bert_has_embeddings_layers_and_head(teacher: Teacher) -> None:
    model = teacher(pooling="attention")
    embeddings, first, second, head = names(model)
    assert all(name.startswith("encoder.embeddings.") for name in embeddings)
    assert all(name.startswith("encoder.encoder.layer.0.") for name in first)
    # What lies above the layers and is no head belongs to the topmost.
    assert {name.split(".")[1] for name in second} == {"encoder", "pooler"}
    assert head == ["classifier.weight", "classifier.bias", "attention.weight", "attention.bias"]
    assert sum(map(len, names(model))) == len(list(model.parameters()))


@pytest.mark.parametrize(
    ("settings", "embedding", "top"),
    [(GPT, "wte", "ln_f"), (MODERN, "embeddings.norm", "final_norm"), (DEBERTA, "rel_embeddings", "layer.2.output")],
)
def test_other_encoders_too(settings: dict, embedding: str, top: str, tokenizer: PreTrainedTokenizerFast) -> None:
    found = names(student("encoder", settings, tokenizer, LABELS))
    assert len(found) == 5
    assert any(embedding in name for name in found[0])
    assert any(top in name for name in found[3])
    assert found[4] == ["classifier.weight", "classifier.bias"]


def test_students_have_layers_too(tokenizer: PreTrainedTokenizerFast) -> None:
    bilstm = names(student("bilstm", {"num_layers": 2, "hidden_size": 8}, tokenizer, LABELS))
    assert bilstm[0] == ["embedding.weight"]
    assert {name.split(".")[0] for name in bilstm[1]} == {"forwards", "backwards"}
    assert {name.split(".")[0] for name in bilstm[3]} == {"classifier", "attention"}
    # Its windows stand side by side above all blocks.
    textcnn = names(student("textcnn", {"blocks": 3, "widths": [1, 2], "filters": 4}, tokenizer, LABELS))
    assert textcnn[0] == ["embedding.weight"]
    assert [{name.split(".")[0] for name in group} for group in textcnn[1:3]] == [{"blocks"}, {"blocks"}]
    assert {name.split(".")[0] for name in textcnn[3]} == {"blocks", "convolutions", "norm"}
    windows = names(student("textcnn", {"widths": [1, 2, 3], "filters": 4}, tokenizer, LABELS))
    assert [len(group) for group in windows] == [1, 8, 2]
    # One without numbered layers is one layer between its embeddings and its head.
    static = names(student("static", {"hidden_size": 8}, tokenizer, LABELS))
    assert len(static) == 3
    assert static[0][0] == "embedding.weight"
    assert "hidden.weight" in static[1]


def test_the_rate_falls_by_the_same_share_from_layer_to_layer(teacher: Teacher) -> None:
    model = teacher()
    shares = decayed_shares(layer_groups(model), 0.5)
    assert shares[id(model.classifier.weight)] == 1.0
    assert shares[id(model.encoder.encoder.layer[1].output.dense.weight)] == 0.5
    assert shares[id(model.encoder.encoder.layer[0].output.dense.weight)] == 0.25
    assert shares[id(model.encoder.embeddings.word_embeddings.weight)] == 0.125


def test_the_optimiser_keeps_to_these_rates(teacher: Teacher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.training.optimizer.LARGE", 10)
    model = teacher()
    make_embeddings_sparse(model)
    decayed = {name for name, each in model.named_parameters() if each.ndim == 2}
    optimizer = build_optimizer(model, decayed, 0.1, 0.01, decayed_shares(layer_groups(model), 0.5))
    rates = {id(each): group["lr"] for group in optimizer.param_groups for each in group["params"]}
    assert len(rates) == len(list(model.parameters()))
    assert rates[id(model.classifier.bias)] == optimizer.param_groups[0]["lr"] == 0.1
    assert rates[id(model.encoder.encoder.layer[0].output.dense.weight)] == 0.025
    # Sparse weights are in a part of their own, and a layer below the first.
    assert model.encoder.embeddings.word_embeddings.sparse
    assert rates[id(model.encoder.embeddings.word_embeddings.weight)] == 0.0125
    kept = {id(each): group.get("weight_decay") for group in optimizer.param_groups for each in group["params"]}
    assert kept[id(model.classifier.weight)] == 0.01
    assert kept[id(model.classifier.bias)] == 0.0
    # A scheduler scales each of them alike.
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5)
    assert set(scheduler.get_last_lr()) == {rate / 2 for rate in rates.values()}
