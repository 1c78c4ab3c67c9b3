"""The command, as a user and as a script call it."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.kills import heeding
from pipeline.errors import GraftError
from pipeline.prediction.loading import load_classifier
from tests.closure import ROOT
from tests.prediction.conftest import LABELS, predict, run
from tests.prediction.tables import read, write

TEXTS = ["good film", "", "awful plot", "\u200b\u200b", "so so", "这是一篇文章，我们需要对它进行分类"]


@pytest.fixture(params=["trained", "exported"])
def model(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


def test_one_answer_a_text_in_order(model: Path) -> None:
    answers = list(load_classifier(model).classify(TEXTS))
    assert [answer["text"] for answer in answers] == TEXTS
    assert [answer.get("refused") for answer in answers] == [None, "empty", None, "empty", None, None]
    for answer in answers:
        if "refused" not in answer:
            shares = answer["probabilities"]
            assert list(shares) == LABELS
            assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
            assert answer["label"] == max(shares, key=shares.__getitem__)


def test_company_changes_no_answer(model: Path) -> None:
    # Of an exported model the one in floats: that of integers scales what it reads by all of a batch.
    precision = "fp32" if (model / "settings.json").exists() else None
    classifier = load_classifier(model, precision)
    texts = ["good film", "the plot was very very very poor and it was not good", "bad"]
    for text, answer in zip(texts, list(classifier.classify(texts)), strict=True):
        alone = next(classifier.classify([text]))
        assert alone["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-5)


def test_a_folder_without_a_model_or_with_a_damaged_one_gets_one_line(tmp_path: Path, trained: Path) -> None:
    with pytest.raises(GraftError, match="holds no model; train one with `dvc repro`, or name a folder under models/"):
        load_classifier(tmp_path)
    with pytest.raises(GraftError, match="has no precision to choose"):
        load_classifier(trained, "int8")


def test_a_folder_that_lost_its_tokenizer_gets_one_line(tmp_path: Path, trained: Path) -> None:
    for path in trained.iterdir():
        if path.name != "tokenizer.json":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    # Of a BERT's transformers makes one that knows no word.
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}', encoding="utf-8")
    with pytest.raises(GraftError, match="knows no token but its special ones; add its tokenizer"):
        load_classifier(tmp_path)


@pytest.mark.parametrize("name", ["settings.json", "tokenizer.json", "model_int8.onnx"])
def test_a_damaged_export_gets_one_line(tmp_path: Path, exported: Path, name: str) -> None:
    for path in exported.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for content in (b"{}", b"\xff" * 99):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(GraftError, match=rf"{name} cannot be read \(.*\); export the model anew"):
            load_classifier(tmp_path)


def test_the_command_answers_as_the_model_in_memory_does(trained: Path) -> None:
    done = predict(trained, "--threads", "1", stdin="\n".join(TEXTS))
    assert done.returncode == 0, done.stderr
    answers = list(load_classifier(trained).classify(TEXTS))
    assert done.stdout.decode().splitlines() == [json.dumps(answer, ensure_ascii=False) for answer in answers]


def test_arguments_stdin_and_files_are_answered_alike(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_bytes(b"good film\r\n\nbroken \xff byte\n")
    arguments = predict(
        exported, "good film", "--chunk", "9", "", b"broken \xff byte".decode("utf-8", "surrogateescape")
    )
    piped = predict(exported, stdin=b"\xef\xbb\xbfgood film\n\nbroken \xff byte")
    named = predict(exported, "--input", tmp_path / "texts.txt")
    assert [done.returncode for done in (arguments, piped, named)] == [0, 0, 0], arguments.stderr
    assert arguments.stdout == piped.stdout == named.stdout
    assert arguments.stderr == piped.stderr == named.stderr == b"", "nothing but answers, into a pipe"
    answers = [json.loads(line) for line in named.stdout.splitlines()]
    assert [answer["text"] for answer in answers] == ["good film", "", "broken \ufffd byte"]
    assert answers[1] == {"text": "", "refused": "empty"}


def test_a_table_comes_out_whole_with_a_summary(exported: Path, tmp_path: Path) -> None:
    write(tmp_path / "in.csv", ["id", "words"], [("1", "good"), ("2", ""), ("3", '"quoted",\nfilm')])
    words = ["--input", tmp_path / "in.csv", "--column", "words"]
    done = predict(exported, *words, "--output", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout == b""
    summary = r"graft: predict: 3 rows in \d+\.\d s, [\d,]+ a second; refused: 1 \(1 empty\)\n"
    assert re.fullmatch(summary, done.stderr.decode())
    assert [row["words"] for row in read(tmp_path / "out.csv")] == ["good", "", '"quoted",\nfilm']
    printed = predict(exported, *words, "--summary")
    assert re.fullmatch(summary, printed.stderr.decode())
    rows = [json.loads(line) for line in printed.stdout.splitlines()]
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    again = predict(exported, *words, "--output", tmp_path / "out.csv")
    assert (again.returncode, again.stderr.count(b"\n")) == (1, 1)
    assert b"is there already; --force replaces it" in again.stderr


def test_scripts_can_tell_by_the_status(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text('text\ngood\n"open\n')
    expected = {
        0: [[exported, "good", ""], [exported, "--strict", "good"]],
        1: [
            ["nowhere", "text"],
            [exported, "--input", tmp_path / "none.txt"],
            [exported, "--input", tmp_path / "bad.csv"],
            [exported, "x", "--output", tmp_path / "no" / "out.csv"],
        ],
        2: [[], [exported, "x", "--input", "y"], [exported, "x", "--threads", "0"], [exported, "--column", "x"]],
        3: [[exported, "--strict", "good", ""], [exported, "--strict", "", "--output", tmp_path / "out.jsonl"]],
    }
    for status, commands in expected.items():
        for words in commands:
            done = predict(*words)
            assert done.returncode == status, (words, done.stderr)
            assert b"Traceback" not in done.stderr
            if status == 1:
                assert done.stderr.decode().startswith("graft: predict: ")
                assert done.stderr.count(b"\n") == 1
    assert predict(exported, "--input", tmp_path / "bad.csv").stdout.count(b"\n") == 1, "the row before the fault"
    assert len(read(tmp_path / "out.jsonl")) == 1
    assert b"exit status:" in predict("--help").stdout


def test_a_reader_that_has_seen_enough_and_a_full_disk(exported: Path) -> None:
    words = [sys.executable, "-m", "pipeline.predict", str(exported)]
    process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(b"good film\n" * 100_000)
        process.stdin.close()
    assert (process.wait(), process.stderr.read()) == (0, b"")
    with open("/dev/full", "wb") as full:
        done = run(
            "-m", "pipeline.predict", exported, "good", capture_output=False, stdout=full, stderr=subprocess.PIPE
        )
    assert (done.returncode, done.stderr) == (1, b"graft: predict: stdout cannot be written: No space left on device\n")


@pytest.fixture
def signals_heeded() -> Iterator[None]:
    with heeding(signal.SIGINT):
        yield


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_signal_leaves_no_output(
    exported: Path, tmp_path: Path, number: signal.Signals, name: str, signals_heeded: None
) -> None:
    words = [sys.executable, "-m", "pipeline.predict", str(exported), "--chunk", "1", "--output", str(tmp_path / name)]
    process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"good film\n" * 10)
    process.stdin.flush()
    while not list(tmp_path.iterdir()):
        assert process.poll() is None
        time.sleep(0.02)
    assert not (tmp_path / name).exists()
    process.send_signal(number)
    assert process.communicate(timeout=20)[1].decode() == f"graft: predict: ended by {number.name}\n"
    assert process.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_shows_progress_and_gets_each_answer_at_once(exported: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (24, 80))
    words = [sys.executable, "-m", "pipeline.predict", str(exported)]
    try:
        (tmp_path / "in.txt").write_text("good film\n" * 10)
        files = ["--input", str(tmp_path / "in.txt"), "--output", str(tmp_path / "out.csv")]
        subprocess.run([*words, *files], cwd=ROOT, stderr=theirs, check=True)
        assert re.search(rb"10\.0row .*row/s", os.read(ours, 100_000))
        # What is typed is answered before the next line is.
        process = subprocess.Popen(words, cwd=ROOT, stdin=theirs, stdout=subprocess.PIPE)
        assert process.stdout is not None
        for text in ("good film", "bad film"):
            os.write(ours, f"{text}\n".encode())
            assert json.loads(process.stdout.readline())["text"] == text
        os.write(ours, b"\x04")
        assert process.wait(timeout=20) == 0
    finally:
        os.close(ours)
        os.close(theirs)
