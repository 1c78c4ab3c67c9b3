import gzip
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import GraftError
from pipeline.settings.prepare import PrepareConfig, TransferSetConfig
from pipeline.text import unlabelled
from pipeline.text.deduplication import loose_key
from pipeline.text.unlabelled import Sample, Unlabelled, read_unlabelled

TEXTS = [f"the text with the number {number}" for number in range(20)]
LINES = "".join(f"{text}\n" for text in TEXTS)


def read(path: Path, train: Sequence[str] = (), held_out: Sequence[str] = (), **config: Any) -> Unlabelled:
    return read_unlabelled(TransferSetConfig(path=str(path), **config), PrepareConfig(), train, held_out)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


def separated(delimiter: str) -> str:
    return f"id{delimiter}text\n" + "".join(f"{at}{delimiter}{text}\n" for at, text in enumerate(TEXTS))


CONTENTS = {
    ".txt": LINES,
    ".csv": separated(","),
    ".tsv": separated("\t"),
    ".jsonl": "".join(json.dumps({"id": at, "text": text}) + "\n" for at, text in enumerate(TEXTS)),
}


@pytest.mark.parametrize("kind", [*CONTENTS, *(f"{kind}.gz" for kind in CONTENTS)])
def test_every_format_gives_the_same_texts(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, f"more{kind}", CONTENTS[kind.removesuffix(".gz")])
    for place in (path, tmp_path):
        result = read(place)
        assert result.frame["text"].tolist() == TEXTS
        assert result.frame["id"].tolist() == [f"unlabelled/more{kind}:{row}" for row in range(1, 21)]
        assert result.summary == {"rows_in": 20, "rows_kept": 20, "refused": {}, "refused_examples": {}, "changed": {}}


def test_parquet_and_another_column(tmp_path: Path) -> None:
    pd.DataFrame({"body": [*TEXTS, None], "text": 1}).to_parquet(tmp_path / "more.parquet")
    result = read(tmp_path, column="body")
    assert result.frame["text"].tolist() == TEXTS
    assert result.summary["refused"] == {"text_missing": 1}


def test_an_empty_folder_is_no_fault_and_hidden_files_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, ".gitkeep", "")
    write(tmp_path, ".cache/junk.bin", b"\xff")
    result = read(tmp_path)
    assert list(result.frame.columns) == ["id", "text"]
    assert len(result.frame) == 0
    assert result.summary == {"rows_in": 0, "rows_kept": 0, "refused": {}, "refused_examples": {}, "changed": {}}


def test_files_are_read_by_name_folders_within_folders_too(tmp_path: Path) -> None:
    write(tmp_path, "b.txt", "second text\n")
    write(tmp_path, "a/z.txt", "first text\r\n\r\nits third line")
    assert read(tmp_path).frame.to_dict("list") == {
        "id": ["unlabelled/a/z.txt:1", "unlabelled/a/z.txt:3", "unlabelled/b.txt:1"],
        "text": ["first text", "its third line", "second text"],
    }


@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_a_link_to_a_folder_or_to_nothing_is_not_passed_over(tmp_path: Path, target: str) -> None:
    write(tmp_path / "elsewhere", "corpus.txt", LINES)
    write(tmp_path / "in", "near.txt", LINES)
    (tmp_path / "in/file.txt").symlink_to(tmp_path / "elsewhere/corpus.txt")
    assert read(tmp_path / "in").summary["rows_in"] == 2 * read(tmp_path / "elsewhere").summary["rows_in"] > 0
    (tmp_path / "in/linked").symlink_to(tmp_path / target)
    with pytest.raises(GraftError, match=r"in/linked is a link to no file, and not followed; .*transfer_set\.path"):
        read(tmp_path / "in")


def test_a_name_that_is_not_unicode(tmp_path: Path) -> None:
    write(tmp_path, os.fsdecode(b"caf\xe9.txt"), LINES)
    frame = read(tmp_path).frame
    assert frame["id"][0] == "unlabelled/caf\\xe9.txt:1"
    frame.to_parquet(tmp_path / "out.parquet")


@pytest.mark.parametrize(
    ("name", "content", "config", "message"),
    [
        ("a.txt", "", {}, "a.txt is empty; remove it"),
        ("a.txt.gz", "", {}, "a.txt.gz is empty; remove it"),
        ("a.csv", "", {}, "a.csv is empty; set transfer_set.path"),
        ("a.csv", "text\n", {}, "a.csv holds no rows; set transfer_set.path"),
        ("a.docx", LINES, {}, "a.docx is no text that can be read; transfer_set.path allows .txt, .csv"),
        ("a.parquet.gz", LINES, {}, "a.parquet.gz is no text that can be read"),
        ("README", LINES, {}, "README is no text that can be read"),
        ("a.txt", LINES.encode() + b"caf\xe9\n", {}, r"byte 5\d\d \(line 21\) is not utf-8; set transfer_set.encoding"),
        ("a.txt.gz", b"caf\xe9\n", {}, r"byte 4 \(line 1\) is not utf-8; set transfer_set.encoding"),
        ("a.txt", LINES.encode("utf-16"), {}, r"byte 1 \(line 1\) is not utf-8; set transfer_set.encoding"),
        ("a.txt", LINES.encode("utf-16-le"), {}, "NUL bytes; if it is UTF-16, set transfer_set.encoding"),
        ("a.csv", "text\nx\n".encode("utf-16-le"), {}, "NUL bytes; if it is UTF-16, set transfer_set.encoding"),
        ("a.txt", LINES.encode("utf-16-le"), {"encoding": "utf-16"}, "is not utf-16; set .* utf-16-le"),
        ("a.txt", LINES, {"encoding": "utf-99"}, "transfer_set.encoding is 'utf-99', which Python does not know"),
        ("a.txt", LINES, {"encoding": "rot13"}, "transfer_set.encoding is 'rot13', which Python does not know"),
        ("a.tsv", "review\nx\n", {}, "a.tsv has no column 'text'; it has 'review': correct the names in transfer_set"),
        ("a.csv", "text,text\nx,y\n", {}, "two columns 'text'"),
        ("a.csv", 'text\nfine\n"open\n', {}, "line 3 opens a quote"),
        ("a.jsonl", '{"review": "x"}\n', {}, "no key 'text'; it has 'review': correct the names in transfer_set"),
        ("a.parquet", b"PAR1 not really", {}, "cannot be read as Parquet"),
    ],
)
def test_a_fault_of_a_file_is_one_line(
    tmp_path: Path, name: str, content: str | bytes, config: dict[str, Any], message: str
) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(GraftError, match=message) as caught:
        read(tmp_path, **config)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value) or "encoding is" in message
    assert len(read(tmp_path, texts=0, **config).frame) == 0


@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-12], lambda raw: raw[:30] + b"\0\0\0" + raw[33:], lambda _: b"text"]
)
def test_a_damaged_archive_is_one_line(tmp_path: Path, damage: Any) -> None:
    path = write(tmp_path, "a.txt.gz", LINES)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(GraftError, match=r"a.txt.gz cannot be read .*copy it again") as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_missing_path_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match=r"nowhere is missing; set transfer_set\.path to a file or a folder"):
        read(tmp_path / "nowhere")


def test_other_encodings_are_read_where_named(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "这部电影很好看\n".encode("gb18030"))
    assert read(tmp_path, encoding="gb18030").frame["text"].tolist() == ["这部电影很好看"]
    write(tmp_path, "a.txt", LINES.encode("utf-16"))
    assert read(tmp_path, encoding="utf-16").frame["text"].tolist() == TEXTS
    write(tmp_path, "a.txt", b"\xef\xbb\xbf" + LINES.encode())
    assert read(tmp_path).frame["text"].tolist() == TEXTS


def test_every_row_is_accounted_for(tmp_path: Path) -> None:
    rows = [
        '{"text": "A text of its own"}', '{"text": "a text, of its own!"}', '{"text": null}', '{"text": 7}', "[]", "{",
        '{"text": " "}', '{"text": "x"}', json.dumps({"text": "x" * 5001}), '{"text": "Seen in TRAINING."}',
        '{"text": "Measured on this"}', '{"text": "another two texts"}', '{"text": "and one more"}',
    ]  # fmt: skip
    write(tmp_path, "a.jsonl", "\n".join(rows))
    summary = read(tmp_path, ["seen in training"], ["Measured - on this?"], texts=2).summary
    assert summary["rows_in"] == 13
    assert summary["rows_kept"] == 2
    assert summary["refused"] == {
        "malformed_row": 2, "text_missing": 2, "empty": 1, "too_short": 1, "too_long": 1, "training_text": 1,
        "held_out": 1, "duplicate": 1, "not_drawn": 1,
    }  # fmt: skip
    assert summary["refused_examples"]["held_out"] == ["unlabelled/a.jsonl:11"]
    assert summary["rows_kept"] + sum(summary["refused"].values()) == summary["rows_in"]


def test_a_long_text_with_a_held_out_sentence_in_it_is_refused(tmp_path: Path) -> None:
    held_out = "Nobody had told me that this play has two endings."
    write(tmp_path, "a.txt", f"I went there. NOBODY had told me that this play has two endings!! Go.\n{LINES}")
    summary = read(tmp_path, [], [held_out]).summary
    assert summary["refused"] == {"held_out": 1}


# No deadline: on a busy machine a test of the result would fail for the time it took.
@settings(deadline=None)
@given(
    st.lists(st.text("abAB .", min_size=1, max_size=5).filter(str.strip), max_size=60),
    st.integers(1, 30), st.integers(1, 20), st.integers(0, 3), st.randoms(use_true_random=False),
)  # fmt: skip
def test_batches_and_order_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], size: int, batch: int, seed: int, source: Any
) -> None:
    path = write(tmp_path_factory.mktemp("texts"), "a.txt", "".join(f"{text}\n" for text in texts) or "\n")
    whole = read(path, ["aba"], ["bab"], texts=size, seed=seed)
    with mock.patch.object(unlabelled, "BATCH", batch):
        parts = read(path, ["aba"], ["bab"], texts=size, seed=seed)
    pd.testing.assert_frame_equal(whole.frame, parts.frame)
    assert whole.summary == parts.summary
    assert whole.summary["rows_in"] == whole.summary["rows_kept"] + sum(whole.summary["refused"].values())
    keys = [loose_key(text) for text in whole.frame["text"]]
    assert len(set(keys)) == len(keys) <= size
    rows = whole.frame["id"].str.extract(r":(\d+)$", expand=False).astype(int).tolist()
    assert rows == sorted(rows)
    source.shuffle(texts)
    write(path.parent, "a.txt", "".join(f"{text}\n" for text in texts) or "\n")
    again = read(path, ["aba"], ["bab"], texts=size, seed=seed)
    assert {loose_key(text) for text in again.frame["text"]} == set(keys)


def test_the_draw_is_uniform_and_depends_on_the_seed(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(4000)]
    path = write(tmp_path, "a.txt", "\n".join(texts))
    one, other = (read(path, texts=1000, seed=seed).frame["id"].str.split(":").str[1].astype(int) for seed in (1, 2))
    for rows in (one, other):
        quarters = np.histogram(rows, bins=4, range=(0, 4000))[0]
        assert all(200 < count < 300 for count in quarters)
    assert 200 < len(set(one) & set(other)) < 300
    # Where the file grows, what was drawn before is mostly drawn again.
    write(tmp_path, "a.txt", "\n".join([*texts, *(f"more {number}" for number in range(400))]))
    grown = read(path, texts=1000, seed=1).frame["id"].str.split(":").str[1].astype(int)
    assert len(set(one) & set(grown)) > 850


def test_a_sample_keeps_the_first_of_two_copies(tmp_path: Path) -> None:
    sample = Sample(2, tmp_path)
    sample.offer(["a", "b", "c"], ["A", "B", "C"], np.array([5, 3, 5], dtype=np.uint64))
    sample.offer(["d", "e", "f"], ["D", "E", "F"], np.array([3, 4, 9], dtype=np.uint64))
    assert [sample.stored.columns["id"][row] for row in sample.rows()] == ["b", "e"]
    assert sample.count_distinct() == 4
    sample.offer(["g"], ["G"], np.array([9], dtype=np.uint64))
    assert len(sample.stored) == 6, "what cannot be drawn any more is not stored"
