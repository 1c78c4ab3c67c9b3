"""Tables, lines and arguments of pairs: both texts are read, and a row that lacks one says which."""

import json
from pathlib import Path

import pytest
import torch

from pipeline.artifacts import write_json
from pipeline.errors import GraftError
from pipeline.models.registry import student
from pipeline.prediction.answers import Shape
from pipeline.prediction.formats import open_sink, open_source
from pipeline.prediction.loading import TextClassifier, load_classifier, reads_pairs
from pipeline.prediction.run import answer_rows
from pipeline.task import Task
from pipeline.text.policy import Policy
from pipeline.tokens.pairs import separate_pairs
from pipeline.tokens.training import train_tokenizer
from tests.prediction.conftest import predict
from tests.prediction.tables import read, write

LABELS = ["no", "yes"]
ROWS = [("one", "abc", "def"), ("two", "def", "abc"), ("three", 'a\tb, "c"', "de\nf")]
LACKING = [("four", "abc", " "), ("five", "\u200b", "abc")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student of random weights that reads pairs of letters."""
    folder = tmp_path_factory.mktemp("models") / "static"
    tokenizer = train_tokenizer(["abcdefghijklmnopqrstuvwxyz 0123456789"] * 2, "characters", 100)
    separate_pairs(tokenizer, is_own=True)
    tokenizer.model_max_length = 32
    torch.manual_seed(0)
    model = student("static", {"embedding_size": 8, "hidden_size": 8}, tokenizer, LABELS, pairs=True)
    Task("single_label", LABELS, pairs=True).describe(model.config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_json(folder / "text.json", Policy().values())
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> TextClassifier:
    return load_classifier(folder, threads=1)


def said(model: TextClassifier) -> list[str]:
    return [answer["label"] for answer in model.classify([(one, two) for _, one, two in ROWS])]


def answer(model: TextClassifier, source: Path, target: Path, second: str = "claim") -> list[dict]:
    opened = open_source(source, "premise", second)
    with open_sink(target, opened, Shape(model.task, model.labels, False, "")) as sink:
        answer_rows(model, opened, sink, 2)
    return read(target)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet", "csv.gz"])
def test_every_format_reads_both_columns(model: TextClassifier, tmp_path: Path, suffix: str) -> None:
    source, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    write(source, ["name", "premise", "claim"], [*ROWS, *LACKING])
    found = answer(model, source, target)
    assert [row["label"] for row in found[:3]] == said(model)
    assert [(row["name"], row["premise"], row["claim"]) for row in found[:2]] == ROWS[:2]
    assert [row["refused"] for row in found[3:]] == ["text_pair_empty", "empty"]
    with pytest.raises(GraftError, match="has no column 'other'"):
        answer(model, source, tmp_path / f"again.{suffix}", second="other")


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_cell_without_a_text_is_named(model: TextClassifier, tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"in.{suffix}"
    rows = [("a", None, "abc"), ("b", "abc", None), ("c", "abc", "def")]
    write(source, ["name", "premise", "claim"], rows)
    found = answer(model, source, tmp_path / f"out.{suffix}")
    assert [row.get("refused") for row in found] == ["text_missing", "text_pair_missing", None]


def test_an_order_of_the_two_is_read(model: TextClassifier) -> None:
    one, other = model.classify([("abc", "xyz"), ("xyz", "abc")])
    assert one["probabilities"] != other["probabilities"]
    assert [each["refused"] for each in model.classify(["abc", ("", "")])] == ["text_pair_missing", "empty"]


def test_lines_and_arguments(folder: Path, model: TextClassifier) -> None:
    assert reads_pairs(folder)
    done = predict(folder, stdin="abc\tdef\nabc\ndef\tabc\n")
    assert done.returncode == 0, done.stderr.decode()
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each.get("refused") for each in found] == [None, "text_pair_missing", None]
    assert [(each["text"], each["text_pair"]) for each in found] == [("abc", "def"), ("abc", ""), ("def", "abc")]
    assert [found[0]["label"], found[2]["label"]] == said(model)[:2]
    given = predict(folder, "abc", "def", "def", "abc")
    assert [json.loads(line)["label"] for line in given.stdout.splitlines()] == said(model)[:2]
    odd = predict(folder, "abc", "def", "abc")
    assert (odd.returncode, odd.stdout) == (1, b"")
    assert b"reads pairs of texts; give two texts for each" in odd.stderr


def test_a_model_of_single_texts_takes_no_second_column(trained: Path, tmp_path: Path) -> None:
    write(tmp_path / "in.csv", ["text", "text_pair"], [("a", "b")])
    done = predict(trained, "--input", tmp_path / "in.csv", "--column-pair", "text_pair")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"reads single texts; leave out --column-pair" in done.stderr
    wrong = predict(trained, "--column-pair", "text_pair", "a")
    assert wrong.returncode == 2
    assert b"--column-pair is for a table that --input names" in wrong.stderr
