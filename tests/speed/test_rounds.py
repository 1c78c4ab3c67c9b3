"""Ratios are of the same rounds, and what is measured is a real process that classifies."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.deployment import words
from pipeline.deployment.classifier import Classifier
from pipeline.deployment.digest import digest
from pipeline.errors import GraftError
from pipeline.speed.rounds import measure, summary
from pipeline.speed.worker import Measures


def a_round(texts: int, seconds: float, model: float, milliseconds: list[float], memory: int) -> dict:
    return {
        "texts": texts,
        "seconds": seconds,
        "model_seconds": model,
        "milliseconds": milliseconds,
        "bytes": memory,
    }


def test_known_figures() -> None:
    teacher = [a_round(32, 1.0, 0.8, [10.0], 1), a_round(32, 2.0, 1.6, [10.0], 1), a_round(32, 1.0, 0.8, [10.0], 1)]
    fast = [a_round(320, 1.0, 0.4, [1.0, 2.0], 5), a_round(320, 2.0, 0.8, [3.0], 9), a_round(320, 2.0, 0.4, [2.0], 2)]
    found = summary([{**each, "bytes": each["bytes"] * 10**6} for each in fast], teacher)
    assert found["texts_per_second"] == 160
    # 320 / 32, 160 / 16 and 160 / 32 times; in the model alone 800 / 40, 400 / 20 and 800 / 40.
    assert found["ratio"] == 10
    assert found["ratio_model"] == 20
    assert found["p50_ms"] == 2
    assert found["p95_ms"] == pytest.approx(2.85)
    assert found["memory_mb"] == 9
    assert summary(teacher, teacher)["ratio"] == 1


def test_processes_are_measured_in_turn(exported: Path) -> None:
    texts = ["the film was good", "so bad a plot", "fine"] * 20
    steps: list[int] = []
    found = measure({"one": exported, "two": exported}, "int8", texts, ["a fine plot"], 2, 1, lambda: steps.append(1))
    assert len(steps) == 6, "two rounds, and one that warms up"
    for rounds in found.values():
        assert len(rounds) == 2
        for each in rounds:
            assert each["texts"] > 0
            assert each["texts"] % 32 == 0
            assert 0 < each["model_seconds"] < each["seconds"]
            assert len(each["milliseconds"]) == 16
            assert all(value > 0 for value in each["milliseconds"])
            # More than onnxruntime alone takes, and less than a process that had torch loaded.
            assert 20e6 < each["bytes"] < 200e6


def test_fewer_texts_than_a_batch_are_measured_too(exported: Path) -> None:
    found = Measures(Classifier(exported)).throughput(["the film was good", "so bad", "fine"], seconds=1e-9)
    assert found["texts"] == 32
    assert 0 < found["model_seconds"] < found["seconds"]


def test_a_model_that_cannot_be_loaded_is_named(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="could not be measured"):
        measure({"none": tmp_path}, "int8", ["good"] * 32, [], 1, 1)


def test_an_export_is_another_if_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1", encoding="utf-8")
    before = digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert digest(tmp_path) != before
    (tmp_path / "b").rename(tmp_path / "a")
    assert digest(tmp_path) == before
    (tmp_path / "a").write_text("2", encoding="utf-8")
    assert digest(tmp_path) != before


def test_a_text_that_is_measured_again_is_new_again(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = Classifier(exported)
    assert classifier.words is not None, "this tokenizer reads word by word"
    measures = Measures(classifier)
    assert measures.read_before(["a fine plot"]) == {"words": 3}
    known: list[set[str]] = []
    encode = classifier.encode

    def spy(texts: Sequence[str]) -> list[list[int]]:
        assert classifier.words is not None
        known.append(set(classifier.words.known))
        return encode(texts)

    monkeypatch.setattr(classifier, "encode", spy)
    texts = ["the film was good"] * 32 + ["so bad"] * 32
    while len(known) < 4:
        measures.throughput(texts, seconds=1e-9)
        measures.latencies(["awful"])
    before = {"a", "fine", "plot"}
    assert all(each == before for each in known)
    known.clear()
    while len(known) < 6:
        known.clear()
        measures.throughput(texts, seconds=0.05)
    read = before | {"the", "film", "was", "good"}
    assert known[:4] == [before, read, before, read]


def test_what_is_known_from_before_is_kept_however_long_it_is_measured(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier(exported)
    assert classifier.words is not None
    monkeypatch.setattr(words, "CHARACTERS", 40)
    measures = Measures(classifier)
    measures.read_before(["a fine plot"])
    for _ in range(10):
        measures.latencies(["so bad"])
        assert {"a", "fine", "plot"} <= classifier.words.known.keys()
