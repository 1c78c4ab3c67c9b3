"""The command that classifies text, as a user calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.models.registry import student
from pipeline.predict import classify
from tests.closure import ROOT

LABELS = ["bad", "good"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tokenizer: PreTrainedTokenizerFast) -> Path:
    folder = tmp_path_factory.mktemp("model")
    student("static", {"embedding_size": 8, "hidden_size": 8}, tokenizer, LABELS).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def predict(*words: object, stdin: str | bytes = "") -> subprocess.CompletedProcess:
    data = stdin.encode() if isinstance(stdin, str) else stdin
    command = [sys.executable, "-m", "pipeline.predict", *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, input=data, cwd=ROOT, env=environment, capture_output=True)


def test_one_answer_a_text_in_order(model: Path) -> None:
    texts = ["good film", "", "awful plot", "\u200b\u200b", "so so", "这是一篇文章，我们需要对它进行分类"]
    answers = list(classify(model, texts))
    assert [answer["text"] for answer in answers] == texts
    assert [answer.get("refused") for answer in answers] == [None, "empty", None, "empty", None, None]
    for answer in answers:
        if "refused" not in answer:
            shares = answer["probabilities"]
            assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
            assert answer["label"] == max(shares, key=shares.__getitem__)


def test_company_changes_no_answer(model: Path) -> None:
    texts = ["good film", "the plot was very very very poor and it was not good", "bad"]
    together = list(classify(model, texts))
    for text, answer in zip(texts, together, strict=True):
        alone = next(classify(model, [text]))
        assert alone["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-5)


def test_a_folder_without_a_model_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="holds no model; train one with `dvc repro`"):
        next(classify(tmp_path, ["x"]))


def test_the_command_reads_arguments_stdin_and_files(model: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_bytes(b"good film\r\n\nbroken \xff byte\n")
    arguments = predict(model, "good film", "bad plot")
    piped = predict(model, stdin="good film\nbad plot\n")
    assert arguments.returncode == piped.returncode == 0, arguments.stderr
    assert arguments.stdout == piped.stdout
    answers = [json.loads(line) for line in predict(model, "--input", tmp_path / "texts.txt").stdout.splitlines()]
    assert [answer["text"] for answer in answers] == ["good film", "", "broken \ufffd byte"]
    assert answers[1]["refused"] == "empty"
    for done in (predict("nowhere", "text"), predict(model, "--input", tmp_path / "none.txt")):
        assert done.returncode == 1
        assert done.stderr.decode().startswith("graft: predict: ")
        assert done.stderr.count(b"\n") == 1
