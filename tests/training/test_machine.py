"""What the environment says of a run's arithmetic, and that reading and training heed it."""

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from pipeline.models.registry import student
from pipeline.tokens.encoding import encode
from pipeline.training.machine import seed_everything, use_bf16, use_tf32
from pipeline.training.prediction import predict
from tests.training.test_trainer import LABELS, MSE, SETTINGS, budget, run

TEXTS = ["the film was good", "a plot so bad that the film was poor", "fine", "so and so the film the film was great"]


def test_only_a_gpu_computes_in_tf32() -> None:
    assert use_tf32("tf32") is torch.cuda.is_available()
    assert not any(use_tf32(each) for each in ("auto", "bf16", "fp32"))
    assert not use_bf16("tf32")


def test_exactness_can_be_switched_off_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_DETERMINISTIC", "0")
    seed_everything(3)
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.deterministic
    monkeypatch.delenv("GRAFT_DETERMINISTIC")
    seed_everything(3)
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.deterministic
    assert not torch.utils.deterministic.fill_uninitialized_memory


def test_rows_come_back_in_their_order_whatever_fits_at_once(tokenizer: PreTrainedTokenizerFast) -> None:
    model = student("static", SETTINGS, tokenizer, LABELS)
    table, _ = encode(tokenizer, [str(at) for at in range(len(TEXTS))], TEXTS, 32)
    alone, _ = predict(model, table, tokenizer.pad_token_id, 1, "fp32", None)
    together, _ = predict(model, table, tokenizer.pad_token_id, 10_000, "fp32", None)
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert len(np.unique(alone.round(5), axis=0)) == len(TEXTS)


def test_a_compiled_model_learns_and_says_the_same(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(tokenizer, budget(), MSE).model
    # `eager` takes torch.compile's whole way but for the C++ compiler at its end, which not every machine has.
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "eager")
    compiled = run(tokenizer, budget(), MSE).model
    assert list(compiled.state_dict()) == list(plain.state_dict())
    table, _ = encode(tokenizer, [str(at) for at in range(len(TEXTS))], TEXTS, 32)
    said = [predict(each, table, tokenizer.pad_token_id, 64, "fp32", None)[0] for each in (plain, compiled)]
    assert compiled._compiled_call_impl is not None
    np.testing.assert_allclose(said[1], said[0], atol=1e-4)
