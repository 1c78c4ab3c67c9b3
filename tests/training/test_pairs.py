"""Students learn of pairs what neither text says by itself: a label, several, or a number."""

import random

import numpy as np
import pytest
import torch

from pipeline.models.registry import student
from pipeline.settings.base import Kind
from pipeline.settings.finetune import FinetuneConfig
from pipeline.task import Task
from pipeline.text.pairs import TextOrPair
from pipeline.tokens.encoding import encode
from pipeline.tokens.pairs import separate_pairs
from pipeline.tokens.table import TokenTable
from pipeline.training.trainer import train
from tests.conftest import build_tokenizer

TASKS: dict[Kind, tuple[list[str], str]] = {
    "single_label": (["other", "same"], "macro_f1"),
    "multi_label": (["film", "book"], "macro_f1"),
    "regression": (["likeness"], "pearson"),
}


def rows(number: int, seed: int) -> list[tuple[str, str]]:
    source = random.Random(seed)
    named = [(source.choice(["film", "book"]), source.choice(["film", "book"])) for _ in range(number)]
    around = ["the", "a", "so", "very", "is", "it"]
    return [(f"{source.choice(around)} {one} {source.choice(around)}", f"{other} {source.choice(around)}")
            for one, other in named]  # fmt: skip


def target(kind: Kind, pair: tuple[str, str]) -> int | list[float]:
    both = [float(all(word in text for text in pair)) for word in ("film", "book")]
    if kind == "multi_label":
        return both
    return int(any(both)) if kind == "single_label" else [4 * sum(both) - 1]


@pytest.mark.parametrize(
    ("kind", "architecture", "sizes"),
    [
        ("single_label", "static", {"hidden_size": 16}),
        ("multi_label", "bilstm", {"hidden_size": 16}),
        ("regression", "textcnn", {"filters": 16, "widths": [1, 2]}),
    ],
)
def test_what_both_texts_say_together_is_learnt(kind: Kind, architecture: str, sizes: dict) -> None:
    labels, metric = TASKS[kind]
    task, tokenizer = Task(kind, labels, pairs=True), build_tokenizer()
    separate_pairs(tokenizer, is_own=False)

    def table(pairs: list[tuple[str, str]]) -> TokenTable:
        targets = np.array([target(kind, pair) for pair in pairs], np.int64 if kind == "single_label" else np.float32)
        texts: list[TextOrPair] = [*pairs]
        return encode(tokenizer, [str(at) for at in range(len(pairs))], texts, 24, targets)[0]

    torch.manual_seed(0)
    settings = {"embedding_size": 16, "dropout": 0.0, "word_dropout": 0.0} | sizes
    model = student(architecture, settings, tokenizer, labels, pairs=True)
    task.describe(model.config)
    config = FinetuneConfig(epochs=1.0, batch_size=32, learning_rate=2e-2, metric=metric, precision="fp32")
    trained = train(model, {"train": table(rows(160, 1)), "validation": table(rows(60, 2))}, 0, config, 40, 2, 13)
    assert trained.summary[f"best_validation_{metric}"] > 0.9, trained.curve
