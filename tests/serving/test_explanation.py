"""The weight of a word is what the model itself loses without it."""

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from pipeline.deployment.classifier import Classifier
from pipeline.serving.explanation import explain, split_words
from tests.serving.conftest import LABELS, TEMPERATURE


@pytest.fixture(scope="module")
def classifier(exports: Path) -> Classifier:
    return Classifier(exports / "static", "fp32")


def explained(classifier: Classifier, text: str, most: int = 100) -> tuple[dict, dict[str, float]]:
    found = explain(classifier, text, most, check=lambda: None)
    words = {found["text"][word["start"] : word["end"]]: word["weight"] for word in found["words"]}
    return found, words


def in_torch(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, words: list[str], label: str) -> float:
    ids = torch.tensor([[2, *tokenizer.convert_tokens_to_ids(words), 3]])
    with torch.no_grad():
        shares = (model(ids, torch.ones_like(ids)).logits / TEMPERATURE).softmax(-1)
    return float(shares[0, LABELS.index(label)])


def test_weights_are_those_of_the_model_it_was_exported_from(
    classifier: Classifier, taught: PreTrainedModel, bilingual: PreTrainedTokenizerFast
) -> None:
    words = ["the", "film", "was", "not", "great", "but", "good"]
    found, weights = explained(classifier, " ".join(words))
    whole = in_torch(taught, bilingual, words, found["label"])
    assert found["label"] == "good"
    assert found["probability"] == pytest.approx(whole, abs=1e-4)
    for word in words:
        left = [each for each in words if each != word]
        wanted = whole - in_torch(taught, bilingual, left, found["label"])
        assert weights[word] == pytest.approx(wanted, abs=1e-4), word


def test_the_word_that_decides_weighs_most(classifier: Classifier) -> None:
    for text, label, decisive in (
        ("the film was good", "good", "good"),
        ("the awful plot", "bad", "awful"),
        ("电影好", "good", "好"),
        ("电影坏", "bad", "坏"),
    ):
        found, weights = explained(classifier, text)
        assert found["label"] == label
        assert max(weights, key=weights.__getitem__) == decisive
        assert weights[decisive] > 0.2
    found, weights = explained(classifier, "a bad book but a great great story")
    assert found["label"] == "good"
    assert weights["bad"] < 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, it’s well-made!!! :)", ["Don't", "stop", ",", "it’s", "well-made", "!!!", ":)"]),
        ("这部电影 is good", ["这", "部", "电", "影", "is", "good"]),
        ("ดีมาก", ["ดี", "ม", "า", "ก"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("👩‍👩‍👧 ok", ["👩‍👩‍👧", "ok"]),
        ("", []),
    ],
)
def test_words_of_any_script(text: str, words: list[str]) -> None:
    assert [text[start:end] for start, end in split_words(text)] == words


def test_what_is_not_weighed_is_counted(classifier: Classifier) -> None:
    found, _ = explained(classifier, "good film and bad book", most=3)
    assert (len(found["words"]), found["unweighed"], found["unread"]) == (3, 2, 0)
    # The model reads 16 tokens, two of which are its own.
    found, _ = explained(classifier, "bad " * 13 + "good " * 7)
    assert (len(found["words"]), found["unweighed"], found["unread"]) == (14, 0, 6)


def test_nothing_to_see_is_refused_and_a_single_word_is_not(classifier: Classifier) -> None:
    assert explain(classifier, "\u200b \t", 100, check=lambda: None) == {"refused": "empty"}
    found, weights = explained(classifier, "awful")
    assert found["label"] == "bad"
    assert list(weights) == ["awful"]
