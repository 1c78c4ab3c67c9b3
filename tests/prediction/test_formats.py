"""In every format and out in every format: the same rows in the same order with the same answers."""

import datetime
import json
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.deployment.classifier import Classifier
from pipeline.errors import GraftError
from pipeline.prediction.formats import TABLES, check_output, open_source
from pipeline.prediction.values import encodable
from tests.prediction.tables import answer, as_csv, flat, read, write

ANY = st.text(
    st.one_of(
        st.characters(), st.characters(categories=["Cs"]), st.sampled_from("\0\r\n\t\"',;\ufeff\u202e\u200b\x85🎬")
    )
)
WRITABLE = ANY.map(lambda text: text.encode("utf-8", "replace").decode())
COMMON = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SINKS = (".csv", ".tsv.gz", ".jsonl", ".jsonl.gz", ".parquet")


@pytest.mark.parametrize("kind", TABLES)
@COMMON
@given(rows=st.lists(st.tuples(WRITABLE, WRITABLE), min_size=1, max_size=8), sink=st.sampled_from(SINKS))
def test_rows_stay_as_they_are_and_get_their_answers(
    tmp_path: Path, classifier: Classifier, kind: str, rows: list[tuple[str, str]], sink: str
) -> None:
    source, target = tmp_path / f"in{kind}", tmp_path / f"out{sink}"
    write(source, ["other", "text"], rows)
    tally = answer(classifier, source, target)
    answers = list(classifier.classify(text for _, text in rows))
    own = [{"other": other, "text": text} for other, text in rows]
    if "jsonl" in sink:
        wanted = [row | each for row, each in zip(own, answers, strict=True)]
    else:
        wanted = [row | flat(each, classifier.labels) for row, each in zip(own, answers, strict=True)]
    assert read(target) == ([as_csv(row) for row in wanted] if "sv" in sink else wanted)
    assert tally.rows == len(rows)
    assert tally.refused.total() == sum("refused" in each for each in answers)
    assert [path.name for path in tmp_path.glob(".partial-*")] == []
    target.unlink()


@COMMON
@given(rows=st.lists(st.one_of(ANY, st.none(), st.integers(), st.floats()), min_size=1), sink=st.sampled_from(SINKS))
def test_what_is_no_text_keeps_its_place(tmp_path: Path, classifier: Classifier, rows: list[object], sink: str) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / f"out{sink}"
    source.write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    answer(classifier, source, target)
    refused = [each.get("refused") or None for each in read(target)]
    texts = list(classifier.classify(row if isinstance(row, str) else "x" for row in rows))
    missing = [None if isinstance(row, str) else "text_missing" for row in rows]
    assert refused == [reason or each.get("refused") for reason, each in zip(missing, texts, strict=True)]


@pytest.mark.parametrize("at_most", [1, 3, 256, 300, 5000])
@pytest.mark.parametrize("kind", [".csv", ".parquet"])
def test_rows_are_as_many_however_they_are_cut(tmp_path: Path, classifier: Classifier, kind: str, at_most: int) -> None:
    rows = [(str(number), "" if number % 7 == 0 else f"text {number}") for number in range(601)]
    write(tmp_path / f"in{kind}", ["id", "text"], rows)
    sizes = [len(chunk.rows) for chunk in open_source(tmp_path / f"in{kind}", "text").chunks(at_most)]
    assert set(sizes[:-1]) <= {at_most}
    assert sum(sizes) == 601
    answer(classifier, tmp_path / f"in{kind}", tmp_path / "out.jsonl", at_most=at_most)
    assert [(row["id"], row["text"]) for row in read(tmp_path / "out.jsonl")] == rows


def test_an_object_stays_the_very_one_that_was_read(tmp_path: Path, classifier: Classifier) -> None:
    lines = ['{"n": 1.50, "text":"a\\u00e9", "n": 1e400 }', "{ }", '{"text": "\\ud800x", "z": NaN}', '{"text" : "🎬"}']
    (tmp_path / "in.jsonl").write_text("\r\n".join(lines), encoding="utf-8")
    answer(classifier, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    written = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    for before, after in zip(lines, written, strict=True):
        assert after.startswith(before.removesuffix("}").rstrip())
    assert written[1] == '{"refused": "text_missing"}'


def test_lines_that_are_no_objects_and_ragged_rows_keep_their_place(tmp_path: Path, classifier: Classifier) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "cut sho\n\n["a"]\n{"text": "fine", "n": 1}\n' + "[" * 50_000 + "\n")
    answer(classifier, tmp_path / "in.jsonl", tmp_path / "out.parquet")
    found = read(tmp_path / "out.parquet")
    assert [row["refused"] for row in found] == ["malformed_row", "malformed_row", None, "malformed_row"]
    assert [row["text"][:17] for row in found] == ['{"text": "cut sho', '["a"]', "fine", "[" * 17]
    assert [row["n"] for row in found] == [None, None, 1, None]
    (tmp_path / "in.csv").write_text("\ufeff text ,n\na,b,c\n\nonly\nfine,1\n", encoding="utf-8")
    answer(classifier, tmp_path / "in.csv", tmp_path / "out.jsonl")
    found = read(tmp_path / "out.jsonl")
    assert [(row[" text "], row["n"]) for row in found] == [("a", "b"), ("only", ""), ("fine", "1")]
    assert [row.get("refused") for row in found] == ["malformed_row", "malformed_row", None]


def test_bytes_that_are_no_utf8_are_answered_alike(tmp_path: Path, classifier: Classifier) -> None:
    content = {".csv": b"text\nna\xefve\n", ".jsonl": b'{"text": "na\xefve"}\n', ".tsv": b"text\nna\xefve\n"}
    raw = pa.array([b"na\xefve"], pa.binary())
    pq.write_table(pa.table({"text": pa.Array.from_buffers(pa.string(), 1, raw.buffers())}), tmp_path / "in.parquet")
    for kind, data in content.items():
        (tmp_path / f"in{kind}").write_bytes(data)
    wanted = next(classifier.classify(["na\ufffdve"]))
    for kind in (*content, ".parquet"):
        answer(classifier, tmp_path / f"in{kind}", tmp_path / f"out{kind}.jsonl")
        assert read(tmp_path / f"out{kind}.jsonl") == [wanted]


def test_columns_of_every_type_stay_what_they_are(tmp_path: Path, classifier: Classifier) -> None:
    moment = datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC)
    frame = pd.DataFrame({"text": ["a", None], "when": pd.to_datetime([moment, None], utc=True)}, index=[7, 8])
    table = pa.Table.from_pandas(frame)
    extra = {
        "far": pa.array([10**14, None], pa.timestamp("s")),
        "price": pa.array([Decimal("1.50"), None]),
        "tags": pa.array([["x"], None]),
        "where": pa.array([{"a": 1.5}, None]),
        "kind": pa.array(["u", "v"]).dictionary_encode(),
        "raw": pa.array([b"\xff", None]),
        "nan": pa.array([float("nan"), 1.0]),
    }
    for name, column in extra.items():
        table = table.append_column(name, column)
    pq.write_table(table, tmp_path / "in.parquet")
    for kind in (".parquet", ".jsonl", ".csv"):
        answer(classifier, tmp_path / "in.parquet", tmp_path / f"out{kind}")
    before, after = pq.read_table(tmp_path / "in.parquet"), pq.read_table(tmp_path / "out.parquet")
    kept = after.select(before.column_names)
    assert kept.schema.types == before.schema.types
    # NaN equals nothing, itself included.
    assert kept.drop_columns("nan").equals(before.drop_columns("nan"))
    assert list(pd.read_parquet(tmp_path / "out.parquet", columns=["label", "text"]).index) == [7, 8]
    first = read(tmp_path / "out.jsonl")[0]
    assert (first["price"], first["tags"], first["where"], first["kind"]) == ("1.50", ["x"], {"a": 1.5}, "u")
    assert (first["far"], first["raw"], first["nan"]) == ("<value out of range: 100000000000000000>", "\ufffd", None)
    assert read(tmp_path / "out.csv")[0]["where"] == '{"a": 1.5}'
    assert read(tmp_path / "out.csv")[1]["refused"] == "text_missing"


def test_keys_that_come_late_and_of_mixed_kinds_have_columns(tmp_path: Path, classifier: Classifier) -> None:
    rows = [{"text": "a", "n": 1}, {"n": 2.5, "big": 2**80, "m": [1]}, {"text": "b", "m": "x", "yes": True, "n": None}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    answer(classifier, tmp_path / "in.jsonl", tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.column_names[:5] == ["text", "n", "big", "m", "yes"]
    assert found["n"].to_pylist() == [1.0, 2.5, None]
    assert found["big"].to_pylist() == [None, str(2**80), None]
    assert found["m"].to_pylist() == [None, "[1]", "x"]
    assert found["yes"].to_pylist() == [None, None, True]


def test_numbers_that_no_float_is_exactly_are_text_beside_floats(tmp_path: Path, classifier: Classifier) -> None:
    rows = [
        {"text": "a", "mixed": 1.5, "near": 0.5, "whole": 1},
        {"text": "b", "mixed": 2**60 + 1, "near": -(2**53), "whole": 2**60 + 1},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    answer(classifier, tmp_path / "in.jsonl", tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet")
    assert found["mixed"].to_pylist() == ["1.5", str(2**60 + 1)]
    assert found["near"].to_pylist() == [0.5, -(2.0**53)]
    assert found["whole"].to_pylist() == [1, 2**60 + 1]


def test_no_rows_are_a_table_without_rows(tmp_path: Path, classifier: Classifier) -> None:
    write(tmp_path / "in.csv", ["text"], [])
    write(tmp_path / "in.parquet", ["text"], [])
    (tmp_path / "in.jsonl").touch()
    (tmp_path / "in.txt").touch()
    for source in list(tmp_path.glob("in.*")):
        for sink in SINKS:
            assert answer(classifier, source, tmp_path / f"out-{source.suffix[1:]}{sink}").rows == 0
            assert read(tmp_path / f"out-{source.suffix[1:]}{sink}") == []


@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".parquet"])
def test_a_name_that_is_taken_is_refused_and_a_prefix_helps(tmp_path: Path, classifier: Classifier, kind: str) -> None:
    write(tmp_path / f"in{kind}", ["text", "label"], [("a", "b")])
    for sink in SINKS:
        target = tmp_path / f"out{sink}"
        with pytest.raises(GraftError, match=r"has a column 'label' already; give the new ones a --prefix"):
            answer(classifier, tmp_path / f"in{kind}", target)
        assert not target.exists()
        answer(classifier, tmp_path / f"in{kind}", target, prefix="new_")
        row = read(target)[0]
        assert row["label"] == "b"
        assert row["new_label"] in classifier.labels


def test_what_cannot_be_a_table_is_one_line(tmp_path: Path) -> None:
    write(tmp_path / "two.csv", ["text", "a", "a"], [])
    write(tmp_path / "none.parquet", ["words"], [("x",)])
    pq.write_table(pa.table({"text": [1, 2]}), tmp_path / "numbers.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "none.parquet").read_bytes()[:-9])
    (tmp_path / "wide.csv").write_bytes("text\nx\n".encode("utf-16"))
    for name in ("empty.csv", "book.xlsx", "x.parquet.gz"):
        (tmp_path / name).touch()
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "folder.parquet").mkdir()
    for name, message in {
        "two.csv": "has two columns 'a'; rename one",
        "none.parquet": "has no column 'text'; it has 'words': name one with --column",
        "numbers.parquet": "column 'text' holds int64, no text",
        "cut.parquet": "cannot be read as Parquet; it may be cut short",
        "wide.csv": "is UTF-16; convert it",
        "empty.csv": "has no column 'text'; it has none",
        "book.xlsx": r"is of no format that is read; \.txt",
        "x.parquet.gz": "is of no format that is read",
        "folder.csv": "cannot be read: Is a directory",
        "nowhere.csv": "cannot be read: No such file",
        "nowhere.parquet": "cannot be read: No such file",
        "folder.parquet": "cannot be read: Is a directory",
    }.items():
        with pytest.raises(GraftError, match=message):
            open_source(tmp_path / name, "text")
    write(tmp_path / "in.jsonl", ["words"], [("x",)])
    with pytest.raises(GraftError, match="has no column 'text'; it has 'words'"):
        list(open_source(tmp_path / "in.jsonl", "text").chunks(10))


def test_an_output_is_not_the_input_and_replaces_nothing_unasked(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    (tmp_path / "b.csv").symlink_to("a.csv")
    for force in (False, True):
        with pytest.raises(GraftError, match="is the input"):
            check_output(tmp_path / "a.csv", tmp_path / "b.csv", force)
    with pytest.raises(GraftError, match="is there already; --force replaces it"):
        check_output(tmp_path / "a.csv", None, force=False)
    check_output(tmp_path / "a.csv", None, force=True)
    check_output(tmp_path / "c.jsonl.gz", tmp_path / "a.csv", force=False)
    with pytest.raises(GraftError, match="is of no format that is written"):
        check_output(tmp_path / "c.txt", None, force=False)


def test_an_output_that_cannot_be_is_one_line(tmp_path: Path, classifier: Classifier) -> None:
    write(tmp_path / "in.csv", ["text"], [("a",)])
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(GraftError, match="is a folder; name a file in it"):
        check_output(tmp_path / "folder.csv", None, force=True)
    with pytest.raises(GraftError, match="could not be written whole: File name too long"):
        check_output(tmp_path / f"{'x' * 300}.csv", None, force=False)
    # The second is too long only with what it is called until it is whole.
    for name, reason in {"in.csv/out.csv": "Not a directory", f"{'x' * 245}.csv": "File name too long"}.items():
        check_output(tmp_path / name, None, force=False)
        with pytest.raises(GraftError, match=f"could not be written whole: {reason}"):
            answer(classifier, tmp_path / "in.csv", tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.csv", "in.csv"]


def test_archives_are_the_same_bytes_each_time(tmp_path: Path, classifier: Classifier) -> None:
    write(tmp_path / "in.csv", ["text"], [("a",)])
    for name in ("one.csv.gz", "two.csv.gz"):
        answer(classifier, tmp_path / "in.csv", tmp_path / name)
    assert (tmp_path / "one.csv.gz").read_bytes() == (tmp_path / "two.csv.gz").read_bytes()


def test_halves_of_surrogate_pairs_are_replaced_and_whole_pairs_joined() -> None:
    assert encodable("a\ud800b") == "a\ufffdb"
    assert encodable("\ud83c\udfac") == "🎬"
    assert encodable("plain é") == "plain é"
