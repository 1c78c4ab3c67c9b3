"""Whatever a file holds: every row is kept or refused for a named reason, or the file is refused with one line."""

import csv
import gzip
import io
import json
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.broken import make_broken
from benchmarks.fuzz import count_lines, fuzz, message_fault, render
from pipeline.errors import GraftError
from pipeline.prediction.reading import read_file
from pipeline.settings.data import FileData
from pipeline.settings.prepare import PrepareConfig
from pipeline.text import lines
from pipeline.text.cleaning import LONG, clean_text, normalise
from pipeline.text.labelling import assign_labels, order_labels
from pipeline.text.sources import RawRows, read_rows
from pipeline.text.tables import iter_rows

DATA = FileData(source="file", path="x", text="text", label="label")
# Any code points, halves of surrogate pairs too, and often those that files and terminals stumble over.
ANY = st.text(
    st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from("\0\r\n\t\"',;\ufeff\u202e\u200b\x85"))
)
WRITABLE = ANY.map(lambda text: text.encode("utf-8", "replace").decode())
LABELS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), ANY, st.lists(st.integers()), st.just({}))
# Files are written to one folder: hypothesis calls a test many times within one of pytest's.
COMMON = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(folder: Path, name: str, content: bytes) -> RawRows:
    for old in folder.glob("data.*"):
        old.unlink()
    (folder / name).write_bytes(content)
    return read_rows(folder, DATA)


@COMMON
@given(rows=st.lists(st.tuples(ANY, LABELS), min_size=1), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_each_row_of_a_jsonl_is_taken_as_it_is(tmp_path: Path, rows: list, end: str) -> None:
    content = "".join(json.dumps({"text": text, "label": label}) + end for text, label in rows)
    found = read(tmp_path, "data.jsonl", content.encode())
    assert found.refused == {}
    assert found.frame["text"].tolist() == [text for text, _ in rows]


@COMMON
@given(rows=st.lists(st.tuples(WRITABLE, WRITABLE), min_size=1), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_each_row_of_a_csv_is_taken_as_it_is(tmp_path: Path, rows: list, end: str) -> None:
    stream = io.StringIO()
    csv.writer(stream, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *rows])
    found = read(tmp_path, "data.csv", stream.getvalue().encode())
    assert found.refused == {}
    assert found.frame[["text", "label"]].to_numpy().tolist() == [list(row) for row in rows]


@COMMON
@given(st.binary(min_size=1, max_size=300), st.sampled_from(["csv", "tsv", "jsonl", "parquet"]))
def test_any_bytes_are_rows_or_one_line(tmp_path: Path, content: bytes, kind: str) -> None:
    head = {"jsonl": b'{"text": "a", "label": 1}\n', "parquet": b"PAR1"}.get(kind, b"text,label\ttext\tlabel\n")
    fault, rows = "", 1
    try:
        rows = read(tmp_path, f"data.{kind}", head + content).rows_in
    except GraftError as error:
        fault = message_fault(str(error))
    assert fault == ""
    assert rows >= 1


@COMMON
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_as_many_texts_as_lines(tmp_path: Path, content: bytes, packed: bool) -> None:
    path = tmp_path / ("texts.gz" if packed else "texts")
    path.write_bytes(gzip.compress(content) if packed else content)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        with pytest.raises(GraftError, match="is UTF-16; convert it"):
            list(read_file(path))
    else:
        assert len(list(read_file(path))) == count_lines(content)


@COMMON
@given(ANY)
def test_a_clean_text_stays_as_it_is_and_can_be_written(text: str) -> None:
    cleaned, reason, _ = clean_text(text, 1, 50)
    cleaned.encode()
    assert normalise(normalise(text)) == normalise(text)
    assert reason or cleaned == normalise(text)
    assert reason != "too_long" or len(normalise(text)) > 50
    assert message_fault(str(GraftError(f"{text!r:.200} and {text:.200}"))) == ""


@pytest.mark.parametrize("text", ["\u0301\u0316", "\u0f71\u0f73", "\u0344\u0323", "e\u0301\u0316", "\u1f82\u0323"])
def test_a_flood_of_marks_takes_no_longer_than_other_texts(text: str) -> None:
    few = text * (LONG // len(text) // 2)
    flood = text * LONG
    assert normalise(few) == unicodedata.normalize("NFC", few)
    assert normalise(flood) == unicodedata.normalize("NFC", flood), "the same form, however it was reached"
    # Two million of them would take hours where each is moved past all others.
    assert clean_text(text * (2_000_000 // len(text)), 2, 5000)[1] == "too_long"


def test_cells_that_python_cannot_hold_are_no_text_and_no_label(tmp_path: Path) -> None:
    raw = pa.array([b"fine", b"\xff\xfe", b"fine too"], pa.binary())
    texts = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    moments = pa.array([0, 10**14, None], pa.timestamp("s"))
    pq.write_table(pa.table({"text": texts, "label": moments}), tmp_path / "data.parquet")
    found = read_rows(tmp_path, DATA).frame
    assert found["text"].tolist() == ["fine", None, "fine too"]
    assert [value is None for value in found["label"]] == [False, True, True]


def test_a_column_whose_name_holds_a_dot(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a.b": ["x"], "a": ["y"]}), tmp_path / "data.parquet")
    assert list(iter_rows(tmp_path / "data.parquet", ["a.b", "a"])) == [("x", "y")]


def test_labels_of_many_digits_are_put_in_order() -> None:
    assert order_labels({"9" * 5000, "10", "9"}, DATA) == ["9", "10", "9" * 5000]
    assert order_labels({"-10", "-9", "0", "٣"}, DATA) == ["-10", "-9", "0", "٣"]


def test_ratings_of_any_type_are_numbers_or_refused() -> None:
    cuts = FileData(source="file", path="x", text="text", label="label", cuts=[0.5], labels=["low", "high"])
    raw = [0, 1.0, "2", " 3 ", True, 10**400, "1e999", float("nan"), None, "x", "1_0", np.float32(0.25)]
    names, reasons = assign_labels([f"row-{at}" for at in range(len(raw))], raw, cuts)
    assert names.tolist()[:4] == ["low", "high", "high", "high"]
    assert all((name == "") != (reason == "") for name, reason in zip(names, reasons, strict=True))


@pytest.mark.parametrize("at", [0, lines.CHUNK - 1, lines.CHUNK, lines.CHUNK + 7])
def test_the_byte_that_does_not_fit_is_named_in_whatever_chunk_it_lies(tmp_path: Path, at: int) -> None:
    content = b"a\n" * (at // 2) + b"a" * (at % 2) + b"\xc3\xa9\xff"
    for name in ("a.txt", "a.txt.gz"):
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        with pytest.raises(GraftError, match=rf"byte {at + 3} \(line {at // 2 + 1}\) is not utf-8"):
            list(lines.read_lines(tmp_path / name))


def test_an_archive_that_is_damaged_and_no_utf8_either(tmp_path: Path) -> None:
    whole = gzip.compress(b"\xff" * 10)
    (tmp_path / "a.txt.gz").write_bytes(whole[:-8])
    with pytest.raises(GraftError, match=r"is not utf-8|cannot be read"):
        list(lines.read_lines(tmp_path / "a.txt.gz"))


def test_names_with_line_ends_and_overrides_stay_on_one_line() -> None:
    assert str(GraftError("a\nb \u202e \x1b[2J é 好.csv is missing")) == "a\\nb \\u202e \\x1b[2J é 好.csv is missing"


def test_a_long_message_keeps_its_beginning_and_its_remedy() -> None:
    message = str(GraftError(f"x.csv: {chr(0x200B) * 5000}: remove it"))
    assert len(message) <= 1000
    assert (message[:7], message[-9:]) == ("x.csv: ", "remove it")


def test_a_byte_order_mark_alone_is_no_line(tmp_path: Path) -> None:
    for content, texts in ((b"\xef\xbb\xbf", []), (b"\xef\xbb\xbf\n", [""]), (b"\xef\xbb\xbfa\n\n", ["a", ""])):
        (tmp_path / "texts").write_bytes(content)
        assert list(read_file(tmp_path / "texts")) == texts
        assert count_lines(content) == len(texts)


def test_some_hundred_broken_files() -> None:
    tally = fuzz(240, seed=7)
    assert tally.faults == []
    assert tally.inputs == 240
    assert tally.kept + sum(tally.refused.values()) == tally.rows > 3000
    # Were nearly all of them refused whole, the rows would prove nothing.
    assert 40 < sum(tally.files_refused.values()) < 120
    assert {"empty", "too_long", "malformed_row", "text_missing", "label_missing", "duplicate"} <= set(tally.refused)
    assert "240 inputs" in render(tally)
    assert "other faults: 0" in render(tally)


def test_the_corpus_is_the_same_each_time() -> None:
    assert all(make_broken(1, number) == make_broken(1, number) for number in range(60))
    assert make_broken(1, 4) != make_broken(2, 4)


def test_a_fault_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def swallow(path: Path, columns: list[str], encoding: str = "utf-8", section: str = "data") -> object:
        yield from list(iter_rows(path, columns, encoding, section))[1:]

    monkeypatch.setattr("pipeline.text.tables.iter_rows", swallow)
    assert any("are accounted for" in fault for fault in fuzz(30, seed=7).faults), "a lost row"
    monkeypatch.setattr("pipeline.text.tables.iter_rows", lambda *_: 1 / 0)
    assert any("ZeroDivisionError" in fault for fault in fuzz(30, seed=7).faults)


def test_limits_leave_a_text_of_four_marks_a_letter() -> None:
    decomposed = unicodedata.normalize("NFD", "\u1f82" * 50)
    assert clean_text(decomposed, 2, 50)[:2] == ("\u1f82" * 50, "")
    assert PrepareConfig().max_characters == 5000
