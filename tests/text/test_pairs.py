"""Pairs of texts through ``prepare``: each side is read as a text is, and a pair lies in one split."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.errors import GraftError
from pipeline.settings.data import FileData
from pipeline.settings.prepare import PrepareConfig, TransferSetConfig
from pipeline.text.augmentation import KINDS
from pipeline.text.deduplication import key_of
from pipeline.text.ids import is_altered
from pipeline.text.pairs import each_side, reason_of, texts_in, written_out
from pipeline.text.prepare import prepare_dataset
from pipeline.text.sources import RawRows
from pipeline.text.transfer_set import build_transfer_set
from pipeline.text.unlabelled import read_unlabelled
from tests.text.copies import augment_pairs

DATA = FileData(source="file", path="x", text="text", text_pair="other", label="label")
COLUMNS = {"text": "premise", "text_pair": "claim"}


def raw(pairs: list[tuple[str | None, str | None]], labels: list[str], **columns: list[str]) -> RawRows:
    frame = pd.DataFrame({"id": [f"row-{row}" for row in range(1, len(pairs) + 1)], "label": labels}, dtype=object)
    for at, name in enumerate(("text", "text_pair")):
        frame[name] = pd.Series([pair[at] for pair in pairs], dtype=object)
    return RawRows(frame.assign(group=frame["id"], domain="", split="").assign(**columns))


def numbered(rows: int) -> tuple[list[tuple[str | None, str | None]], list[str]]:
    return [(f"question {at}", f"answer number {at}") for at in range(rows)], [
        ("no", "yes")[at % 2] for at in range(rows)
    ]


def table(*rows: tuple[str, str, str]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerows([("premise", "claim", "label"), *rows])
    return stream.getvalue()


ROWS = [(f"the film {at} was long", f"film {at} ran for hours", ("no", "yes")[at % 2]) for at in range(80)]


def test_pairs_of_a_table_are_prepared_side_by_side(prepared_from: Callable[..., Any], tmp_path: Path) -> None:
    odd = [("p\u0430ypal is safe", "so\u200b is   this", "no"), ("", "a claim", "no"), ("a premise", " ", "no")]
    summary = prepared_from({"pairs.csv": table(*ROWS, *odd, ("x", "long enough", "no"), ROWS[0])}, **COLUMNS)
    assert summary["refused"] == {"empty": 1, "too_short": 1, "text_pair_empty": 1, "duplicate": 1}
    assert summary["changed"] == {"homoglyphs": 1, "zero_width": 1}
    splits = {
        name: pd.read_parquet(tmp_path / f"data/prepared/{name}.parquet") for name in ("train", "validation", "test")
    }
    for split in splits.values():
        assert list(split.columns) == ["id", "text", "text_pair", "label", "domain"]
    kept = {pair for split in splits.values() for pair in texts_in(split)}
    assert kept == {row[:2] for row in ROWS} | {("paypal is safe", "so is this")}
    transfer = pd.read_parquet(tmp_path / "data/prepared/transfer.parquet")
    assert list(transfer.columns) == ["id", "text", "text_pair"]
    assert texts_in(transfer)[: len(splits["train"])] == texts_in(splits["train"])
    assert len(transfer) > 4 * len(splits["train"])
    assert '"pairs": true' in (tmp_path / "data/prepared/labels.json").read_text(encoding="utf-8")


def test_a_missing_second_text_is_its_own_reason() -> None:
    pairs, labels = numbered(60)
    prepared = prepare_dataset(
        raw([*pairs, ("a question", None), (None, None)], [*labels, "no", "no"]), DATA, PrepareConfig()
    )
    assert prepared.summary["refused"] == {"text_missing": 1, "text_pair_missing": 1}
    assert reason_of("text_pair", "too_long") == "text_pair_too_long"
    assert reason_of("text_pair", "") == ""
    assert reason_of("text", "too_long") == "too_long"


def test_only_the_same_pair_is_a_copy_and_its_reverse_stays_on_its_side() -> None:
    pairs, labels = numbered(100)
    pairs[10], pairs[90] = ("one thing", "another thing"), ("Another thing!", "one thing")
    pairs[20], pairs[30] = ("shared", "first answer"), ("shared", "second answer")
    pairs[40], pairs[50] = ("told twice", "the same"), ("told twice", "the same")
    prepared = prepare_dataset(raw(pairs, labels), DATA, PrepareConfig())
    assert prepared.summary["refused"] == {"duplicate": 1}
    where = {row: name for name, split in prepared.splits.items() for row in split["id"]}
    assert where["row-11"] == where["row-91"]
    assert {"row-21", "row-31"} <= set(where)
    for counts in prepared.summary["leakage"].values():
        assert (counts["exact"], counts["loose"]) == (0, 0)


def test_a_pair_in_two_given_splits_is_a_leak_whatever_its_order() -> None:
    pairs, labels = numbered(60)
    pairs[59] = (pairs[0][1], pairs[0][0])
    prepared = prepare_dataset(raw(pairs, labels, split=["train"] * 40 + ["test"] * 20), DATA, PrepareConfig())
    assert prepared.summary["refused"] == {"leak": 1}
    assert "row-1" not in set(prepared.splits["train"]["id"])


def test_shared_sides_are_counted_and_a_group_keeps_them_together() -> None:
    pairs = [(f"premise {at // 4}", f"claim number {at}") for at in range(200)]
    labels = [("no", "yes")[at % 2] for at in range(200)]
    apart = prepare_dataset(raw(list(pairs), labels), DATA, PrepareConfig()).summary["leakage"]["train_test"]
    assert apart["text_shared"] > 10
    assert apart["text_pair_shared"] == 0
    grouped = prepare_dataset(raw(list(pairs), labels, group=[pair[0] for pair in pairs]), DATA, PrepareConfig())
    assert {counts["text_shared"] for counts in grouped.summary["leakage"].values()} == {0}


def test_copies_alter_either_side_and_borrow_from_the_same() -> None:
    pairs = [(f"a{at} b{at} c{at} d{at}", f"w{at} x{at} y{at} z{at}") for at in range(30)]
    ids, made = augment_pairs(pairs, [str(at) for at in range(30)], 14, list(KINDS), 3)
    assert len(ids) == len(set(ids)) == len(set(made)) > 300
    assert not set(made) & set(pairs)
    altered = [tuple(one != other for one, other in zip(pair, pairs[int(name.split("#")[0])], strict=True))
               for name, pair in zip(ids, made, strict=True)]  # fmt: skip
    assert set(altered) == {(True, False), (False, True), (True, True)}
    for first, second in made:
        assert set(first) <= set("abcd0123456789 \ue000")
        assert set(second) <= set("wxyz0123456789 \ue000")
    assert augment_pairs(pairs, [str(at) for at in range(30)], 14, list(KINDS), 3) == (ids, made)
    assert augment_pairs(pairs, ids, 0, list(KINDS), 3) == augment_pairs([], [], 2, list(KINDS), 3) == ([], [])


def test_a_transfer_set_of_pairs_holds_no_held_out_pair() -> None:
    def frame(prefix: str, *pairs: tuple[str, str]) -> pd.DataFrame:
        ids = [f"{prefix}{at}" for at in range(len(pairs))]
        texts, seconds = zip(*pairs, strict=True) if pairs else ((), ())
        return pd.DataFrame({"id": ids, "text": texts, "text_pair": seconds}, dtype=object)

    held_out = frame("h", ("good", "fine play"), ("Fine!", "good film"))
    train, more = frame("t", ("good film", "fine play")), frame("unlabelled/a.csv:", ("more", "of it"))
    found = build_transfer_set(train, held_out, more, TransferSetConfig(copies=200))
    assert texts_in(found)[:2] == [("good film", "fine play"), ("more", "of it")]
    assert is_altered(found["id"]).tolist() == [False] * 2 + [True] * (len(found) - 2)
    assert not {key_of(pair) for pair in texts_in(found)} & {key_of(pair) for pair in texts_in(held_out)}
    nothing = build_transfer_set(train, held_out, frame("u"), TransferSetConfig(copies=0))
    assert texts_in(nothing) == [("good film", "fine play")]


def test_unlabelled_pairs_come_from_tables_and_never_from_lines(tmp_path: Path) -> None:
    known = ("a training premise", "a training claim")
    held = ("a held-out premise of some length", "a held-out claim that is long enough")
    rows = [known, held, (held[0], "another claim altogether"), ("new", "pair"), ("New!", "pair"), ("alone", "")]
    rows.append((f"It said: {held[1]}", f"so {held[0]} it is"))
    pd.DataFrame(rows, columns=["text", "claim"]).to_csv(tmp_path / "more.csv", index=False)
    config = TransferSetConfig(path=str(tmp_path), column_pair="claim")
    found = read_unlabelled(config, PrepareConfig(), [known], [held], is_pair=True)
    assert list(found.frame.columns) == ["id", "text", "text_pair"]
    assert texts_in(found.frame) == [(held[0], "another claim altogether"), ("new", "pair")]
    refused = {"training_text": 1, "held_out": 2, "text_pair_empty": 1, "duplicate": 1}
    assert found.summary["refused"] == refused
    (tmp_path / "lines.txt").write_text("a text\n", encoding="utf-8")
    with pytest.raises(GraftError, match="holds single texts, and data"):
        read_unlabelled(config, PrepareConfig(), [], [], is_pair=True)
    (tmp_path / "lines.txt").unlink()
    (tmp_path / "more.csv").unlink()
    none = read_unlabelled(config, PrepareConfig(), [], [], is_pair=True).frame
    assert list(none.columns) == ["id", "text", "text_pair"]


def test_what_is_done_to_a_text_is_done_to_both_sides() -> None:
    assert each_side(str.upper, "a") == "A"
    assert each_side(str.upper, ("a", "b")) == ("A", "B")
    assert written_out(("a b", "c")) != written_out(("a", "b c"))
    assert key_of(("A b.", "c")) == key_of(("C", "ab"))
    assert key_of(("a", "bc")) != key_of(("ab", "c"))


def test_a_column_is_no_pair_with_itself() -> None:
    with pytest.raises(ValueError, match="text and text_pair are both 'text'"):
        FileData(source="file", path="x", text="text", text_pair="text", label="label")
