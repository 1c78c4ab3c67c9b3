"""Numbers far from those that a new head says are learned, too: each stage that trains begins near them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from transformers import PreTrainedTokenizerFast

from pipeline.artifacts import write_json
from pipeline.models.registry import load_model, student
from pipeline.stages import control, finetune, teach, transfer, vocabulary
from pipeline.task import Task
from pipeline.tokens.encoding import encode
from pipeline.tokens.table import TokenTable, write_tokens
from pipeline.training.prediction import predict
from pipeline.training.start import start_near
from tests.conftest import WORDS, write_pretrained

MEAN, SPREAD = 1000.0, 100.0
SIZES = {"embedding_size": 16, "hidden_size": 16}
COMMON = {"batch_size": 16, "learning_rate": 1e-3, "metric": "pearson", "precision": "fp32", "evaluations": 1}
PARAMS = {
    "finetune": COMMON | {"epochs": 1},
    "teachers": {"tiny": {"pretrained": "tiny", "tokenizer": "t", "seed": 1}},
    "teach": {"precision": "fp32"},
    "budget": COMMON | {"steps": 4},
    "transfer": {"phases": [{"losses": [{"name": "logits_mse"}]}]},
    "students": {
        "static": {
            "architecture": "static",
            "tokenizer": "t",
            "start": "models/teacher",
            "learns_from": "signals",
            "config": SIZES,
        }
    },
}


def priced(tokenizer: PreTrainedTokenizerFast, rows: int, seed: int) -> TokenTable:
    """Texts whose number follows from their words."""
    source = np.random.default_rng(seed)
    texts = [" ".join(source.choice(WORDS, 6)) for _ in range(rows)]
    worth = np.array([sum(map(WORDS.index, text.split())) for text in texts], np.float32)
    numbers = (worth - worth.mean()) / worth.std() * SPREAD + MEAN
    return encode(tokenizer, [f"{seed}-{row}" for row in range(rows)], texts, 32, numbers[:, None])[0]


@pytest.fixture
def project(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TokenTable]:
    """A folder in which the stages find all they read; the validation texts."""
    monkeypatch.chdir(tmp_path)
    with Path("params.yaml").open("w", encoding="utf-8") as stream:
        YAML().dump(PARAMS, stream)
    write_json(Path("data/prepared/labels.json"), {"task": "regression", "labels": ["price"]})
    write_pretrained(Path("models/pretrained/tiny"))
    tokens, train, held = Path("data/tokenized/t"), priced(tokenizer, 64, 1), priced(tokenizer, 32, 2)
    tokenizer.save_pretrained(tokens / "tokenizer")
    write_tokens(tokens / "train.arrow", train)
    write_tokens(tokens / "validation.arrow", held)
    write_tokens(tokens / "transfer.arrow", TokenTable(train.ids, train.input_ids, train.offsets))
    random = torch.random.get_rng_state()
    yield held
    torch.random.set_rng_state(random)


def test_every_stage_that_trains_begins_near_the_numbers(project: TokenTable) -> None:
    finetune.main("tiny")
    teach.main("tiny")
    vocabulary.main("t")
    transfer.main("static")
    control.main("static")
    assert project.labels is not None
    for folder in ("teacher/tiny", "students/static", "controls/static"):
        said = predict(load_model(Path("models") / folder), project, 0, 4096, "fp32", None)[0]
        # In four steps from a new head none would have left the first few numbers.
        assert np.abs(said - project.labels).mean() < 3 * SPREAD, folder


@pytest.mark.parametrize(
    ("kind", "targets"),
    [
        ("regression", np.array([[3.5], [-4.0]], np.float32)),
        ("multi_label", np.array([[1], [0]], np.float32)),
        ("single_label", np.array([0, 11])),
    ],
)
def test_what_is_within_reach_begins_as_it_was(
    kind: str, targets: np.ndarray, tokenizer: PreTrainedTokenizerFast
) -> None:
    model = student("static", SIZES, tokenizer, ["a"])
    Task(kind, ["a"]).describe(model.config)  # type: ignore[arg-type]
    before = model.classifier.weight.detach().clone()
    start_near(model, targets)
    assert torch.equal(model.classifier.weight, before)
    assert not model.classifier.bias.any()


def test_the_head_takes_mean_and_spread_of_the_known_and_no_spread_kills_it(tokenizer: PreTrainedTokenizerFast) -> None:
    for targets, mean, spread in (([[90.0], [np.nan], [110.0]], 100.0, 10.0), ([[2000.0], [2000.0]], 2000.0, 1.0)):
        model = student("static", SIZES, tokenizer, ["a"])
        Task("regression", ["a"]).describe(model.config)
        before = model.classifier.weight.detach().clone()
        start_near(model, np.array(targets, np.float32))
        torch.testing.assert_close(model.classifier.weight, before * spread)
        assert model.classifier.bias.tolist() == [mean]
