"""What users bring: every fault is one clear line or a counted refusal, through the real stages."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.errors import GraftError
from tests.text.conftest import ROOT, write_params

Run = Callable[..., dict[str, Any]]
ROWS = [(f"a fine sentence number {row}", "good" if row % 2 else "bad") for row in range(60)]
HEADER = "text,label\n"
BODY = "".join(f"{text},{label}\n" for text, label in ROWS)
GOOD = HEADER + BODY


def test_a_good_table_is_kept_whole(prepared_from: Run) -> None:
    summary = prepared_from({"reviews.csv": GOOD})
    assert summary["rows_in"] == summary["rows_kept"] == 60
    assert summary["refused"] == {}
    assert [summary["splits"][split]["rows"] for split in ("train", "validation", "test")] == [45, 6, 9]
    assert summary["splits_given"] == []


@pytest.mark.parametrize(
    ("table", "data", "message"),
    [
        ("", {}, "is empty"),
        (HEADER, {}, "holds no rows"),
        ("\n\n", {}, "no column 'text'"),
        (GOOD.replace(",bad", ",good"), {}, r"two labels or more .* good \(60\)"),
        (GOOD, {"label": "stars"}, "no column 'stars'; it has 'text', 'label'"),
        ("text,label,label\na,b,c\n", {}, "two columns 'label'"),
        (GOOD.replace("number 3,", "numéro 3,").encode("latin-1"), {}, r"line 5\) is not utf-8; set data.encoding"),
        (GOOD.encode("utf-16"), {}, r"byte 1 \(line 1\) is not utf-8"),
        (GOOD.encode("utf-16-le"), {}, "NUL bytes; if it is UTF-16"),
        (GOOD, {"encoding": "utf-99"}, "data.encoding is 'utf-99'"),
        (HEADER + 'x,good\n"an open quote,good\n' + BODY, {}, "line 3 opens a quote"),
        (GOOD, {"cuts": [0.5], "labels": ["bad", "good"]}, "'bad' of row-1 is no number"),
        (GOOD, {"labels": ["angry", "glad"]}, "no row has one of them; row-1 has 'bad'"),
        (GOOD.replace("sentence number", "sentence").replace("a fine", "the"), {"group": "label"}, "belong together"),
    ],
)
def test_a_fault_of_the_whole_table_is_one_line(
    prepared_from: Run, table: str | bytes, data: dict[str, Any], message: str
) -> None:
    with pytest.raises(GraftError, match=message) as caught:
        prepared_from({"table.csv": table}, **data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("extra", "reasons"),
    [
        ("seen once,rare\n", {"label_too_rare": 1}),
        (BODY, {"duplicate": 60}),
        ("disputed text,good\ndisputed text,bad\ndisputed text,good\n", {"conflicting_labels": 3}),
        ("x" * 2**20 + ",good\n", {"too_long": 1}),
        ("ragged,good,more\nragged\n", {"malformed_row": 2}),
        (",good\n   ,bad\n\0\0,bad\n\u200d\ufeff,bad\n", {"empty": 4}),
        ("x,good\n", {"too_short": 1}),
        ("no label here,\nnor here,  \n", {"label_missing": 2}),
    ],
)
def test_a_fault_of_a_row_is_counted(prepared_from: Run, extra: str, reasons: dict[str, int]) -> None:
    summary = prepared_from({"table.csv": GOOD + extra})
    assert summary["refused"] == reasons
    assert summary["rows_kept"] == 60
    assert summary["rows_in"] == 60 + sum(reasons.values())
    assert all(summary["refused_examples"][reason] for reason in reasons)


def test_nul_bytes_inside_a_text_are_removed_and_the_row_kept(prepared_from: Run, tmp_path: Path) -> None:
    assert prepared_from({"table.csv": GOOD + "a nul\0 byte,good\n"})["rows_kept"] == 61
    parts = [pd.read_parquet(tmp_path / f"data/prepared/{split}.parquet") for split in ("train", "validation", "test")]
    assert "a nul byte" in set(pd.concat(parts)["text"])


def test_other_encodings_are_read_where_named(prepared_from: Run) -> None:
    assert prepared_from({"table.csv": GOOD.encode("utf-16")}, encoding="utf-16")["rows_kept"] == 60


def test_tabs_separate_a_tsv_and_a_byte_order_mark_is_no_part_of_the_header(prepared_from: Run) -> None:
    summary = prepared_from({"table.tsv": b"\xef\xbb\xbf" + GOOD.replace(",", "\t").replace("\n", "\r\n").encode()})
    assert summary["rows_kept"] == 60


def test_jsonl_bad_lines_are_counted(prepared_from: Run) -> None:
    good = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in ROWS)
    bad = '{"text": "cut sho\n["a", "list"]\n{"text": null, "label": "good"}\n{"text": 7, "label": "good"}\n'
    bad += (
        '{"text": "no label"}\n{"text": "a list of labels", "label": ["good"]}\n{"text": "\\ud800", "label": "bad"}\n'
    )
    summary = prepared_from({"table.jsonl": good + bad})
    assert summary["refused"] == {"malformed_row": 2, "text_missing": 2, "label_missing": 2, "empty": 1}
    assert summary["refused_examples"]["malformed_row"] == ["row-61", "row-62"]


def test_jsonl_without_the_key(prepared_from: Run) -> None:
    with pytest.raises(GraftError, match="no key 'text'; it has 'review', 'label'"):
        prepared_from({"table.jsonl": '{"review": "x", "label": "y"}\n'})


def test_parquet_whole_and_cut_short(prepared_from: Run, tmp_path: Path) -> None:
    source = tmp_path / "whole.parquet"
    pd.DataFrame(ROWS, columns=["text", "label"]).assign(label=[row % 2 for row in range(59)] + [None]).to_parquet(
        source
    )
    summary = prepared_from({"table.parquet": source.read_bytes()})
    assert summary["labels"] == ["0", "1"]
    assert summary["refused"] == {"label_missing": 1}


def test_parquet_cut_short(prepared_from: Run, tmp_path: Path) -> None:
    source = tmp_path / "whole.parquet"
    pd.DataFrame(ROWS, columns=["text", "label"]).to_parquet(source)
    with pytest.raises(GraftError, match="cannot be read as Parquet"):
        prepared_from({"table.parquet": source.read_bytes()[:-100]})


def test_given_splits_are_kept_and_held_out_texts_leave_train(prepared_from: Run) -> None:
    test = HEADER + "".join(f"a held-out sentence {row},{label}\n" for row, (_, label) in enumerate(ROWS[:20]))
    summary = prepared_from({"train.csv": GOOD + "A HELD-OUT sentence: 3!,good\n", "test.csv": test})
    assert summary["refused"] == {"leak": 1}
    assert summary["refused_examples"] == {"leak": ["train-61"]}
    assert [summary["splits"][split]["rows"] for split in ("train", "validation", "test")] == [54, 6, 20]
    assert summary["splits_given"] == ["train", "test"]


def test_a_label_that_train_lacks_is_named(prepared_from: Run) -> None:
    test = HEADER + "".join(f"unheard of {row},new\n" for row in range(20))
    with pytest.raises(GraftError, match="label 'new' occurs in validation or test and not in train"):
        prepared_from({"train.csv": GOOD, "test.csv": test})


def test_the_same_table_gives_the_same_bytes(prepared_from: Run, tmp_path: Path) -> None:
    from pipeline.stages import prepare

    prepared_from({"table.csv": GOOD})
    before = {path.name: path.read_bytes() for path in (tmp_path / "data/prepared").iterdir()}
    prepare.main()
    after = {path.name: path.read_bytes() for path in (tmp_path / "data/prepared").iterdir()}
    assert before == after
    assert len(before) == 7


def test_a_fault_ends_the_process_with_status_1_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "data/raw/data.csv").write_text("")
    write_params(tmp_path, data={"source": "file", "path": "x.csv", "text": "text", "label": "label"})
    finished = subprocess.run(
        [sys.executable, "-m", "pipeline.stages.prepare"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.fspath(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert finished.stderr.startswith("graft: prepare: ")
    assert len(finished.stderr.splitlines()) == 1
    assert not (tmp_path / "data/prepared").exists()
