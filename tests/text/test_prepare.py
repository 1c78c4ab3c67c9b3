import numpy as np
import pandas as pd
import pytest

from pipeline.errors import GraftError
from pipeline.settings.data import FileData
from pipeline.settings.prepare import PrepareConfig
from pipeline.text.deduplication import loose_key
from pipeline.text.hashing import hash_texts
from pipeline.text.prepare import QUANTILES, _quantile, count_leakage, prepare_dataset
from pipeline.text.sources import RawRows

DATA = FileData(source="file", path="x", text="text", label="label", group="group")


def raw(texts: list[str | None], labels: list[object], groups: list[str]) -> RawRows:
    ids = [f"row-{row}" for row in range(1, len(texts) + 1)]
    columns = {"id": ids, "text": texts, "label": labels, "group": groups, "domain": "", "split": ""}
    return RawRows(pd.DataFrame(columns, dtype=object), {"malformed_row": ["row-999"]})


def documents() -> RawRows:
    texts = [f"sentence {row} of document {row // 4}" for row in range(200)]
    return raw(texts, ["good" if row % 2 else "bad" for row in range(200)], [f"d{row // 4}" for row in range(200)])


def test_every_row_is_accounted_for() -> None:
    prepared = prepare_dataset(documents(), DATA, PrepareConfig())
    summary = prepared.summary
    assert summary["rows_in"] == 201
    assert summary["rows_kept"] == sum(len(split) for split in prepared.splits.values()) == 200
    assert summary["refused"] == {"malformed_row": 1}
    assert [list(split.columns) for split in prepared.splits.values()] == [["id", "text", "label", "domain"]] * 3
    assert prepared.labels == ["bad", "good"]


def test_near_copies_in_two_documents_stay_on_one_side() -> None:
    source = documents()
    source.frame.loc[0, "text"] = "A shared sentence!"
    source.frame.loc[199, "text"] = "a shared sentence"
    splits = prepare_dataset(source, DATA, PrepareConfig()).splits
    where = {row: name for name, split in splits.items() for row in split["id"]}
    assert len({where[f"row-{row}"] for row in (1, 2, 3, 4, 197, 198, 199, 200)}) == 1


def test_a_document_in_two_given_splits_is_left_to_the_one_that_measures() -> None:
    source = documents()
    source.frame["split"] = ["train"] * 120 + ["validation"] * 40 + ["test"] * 40
    # One of the test's in train and in validation, one of validation's in train; those without a group have their own.
    source.frame.loc[0, "group"] = source.frame.loc[120, "group"] = source.frame.loc[199, "group"]
    source.frame.loc[4, "group"] = source.frame.loc[150, "group"]
    prepared = prepare_dataset(source, DATA, PrepareConfig())
    assert prepared.summary["refused"] == {"malformed_row": 1, "group_leak": 3}
    assert prepared.summary["refused_examples"]["group_leak"] == ["row-1", "row-5", "row-121"]
    assert {name: len(split) for name, split in prepared.splits.items()} == {"train": 118, "validation": 39, "test": 40}


def test_leakage_is_counted_where_there_is_some() -> None:
    def split(*texts: str) -> dict[str, np.ndarray]:
        return {"exact": hash_texts(texts), "loose": hash_texts(map(loose_key, texts))}

    leakage = count_leakage({"train": split("a b", "c"), "validation": split("A, b"), "test": split("c", "d")})
    assert leakage["train_validation"] == {"exact": 0, "loose": 1}
    assert leakage["train_test"] == {"exact": 1, "loose": 1}
    assert leakage["validation_test"] == {"exact": 0, "loose": 0}


@pytest.mark.parametrize("task", ["single_label", "multi_label", "regression"])
def test_rows_that_come_in_parts_are_prepared_as_those_that_come_at_once(task: str) -> None:
    source = documents()
    source.frame["label"] = [str(row % 12) for row in range(200)]
    source.frame.loc[0, "text"] = source.frame.loc[150, "text"]
    data = DATA.model_copy(update={"task": task})
    whole = prepare_dataset(source, data, PrepareConfig())
    frames = [source.frame[start : start + 37] for start in range(0, 200, 37)]
    parts = prepare_dataset((RawRows(frame) for frame in frames), data, PrepareConfig())
    for name, split in whole.splits.items():
        pd.testing.assert_frame_equal(parts.splits[name], split)
    assert parts.summary["splits"] == whole.summary["splits"]
    assert whole.summary["rows_in"] == parts.summary["rows_in"] + 1


def test_every_split_gets_every_label_of_several_and_rare_ones_are_forgotten() -> None:
    data = FileData(source="file", path="x", text="text", label="label", task="multi_label")
    sets = [",".join(name for name, every in (("a", 2), ("b", 5), ("c", 7), ("d", 60)) if row % every == 0)
            for row in range(300)]  # fmt: skip
    texts = [f"text number {row}" for row in range(300)]
    prepared = prepare_dataset(raw(texts, list(sets), texts), data, PrepareConfig())
    assert prepared.labels == ["a", "b", "c"], "d has five rows"
    assert prepared.summary["rows_kept"] == 300
    for name, split in prepared.splits.items():
        counts = split["label"].explode().value_counts()
        for label, share in (("a", 1 / 2), ("b", 1 / 5), ("c", 1 / 7)):
            assert counts[label] / len(split) == pytest.approx(share, abs=0.1), (name, label)
        assert prepared.summary["splits"][name]["labels"] == counts.to_dict()


def test_every_split_gets_its_share_of_low_and_of_high_numbers() -> None:
    data = FileData(source="file", path="x", text="text", label="stars", task="regression")
    texts = [f"text number {row}" for row in range(400)]
    prepared = prepare_dataset(raw(texts, [str(row**2) for row in range(400)], texts), data, PrepareConfig())
    assert prepared.labels == ["stars"]
    for split in prepared.splits.values():
        assert split["label"].dtype == float
        assert (split["label"] > 200**2).mean() == pytest.approx(0.5, abs=0.1)
    assert prepared.summary["splits"]["test"]["numbers"]["least"] < 100**2
    with pytest.raises(GraftError, match="two different numbers are needed to learn stars"):
        prepare_dataset(raw(texts, ["3"] * 400, texts), data, PrepareConfig())


def test_numbers_that_train_lacks_are_missed() -> None:
    data = FileData(source="file", path="x", text="text", label="stars", task="regression")
    texts = [f"text number {row}" for row in range(60)]
    source = raw(texts, ["none"] * 40 + list(range(20)), texts)
    source.frame["split"] = ["train"] * 40 + ["test"] * 20
    with pytest.raises(
        GraftError, match="no row of train can be used; refused: label_not_a_number 40, malformed_row 1"
    ):
        prepare_dataset(source, data, PrepareConfig())


def test_a_label_of_several_that_train_lacks_is_named() -> None:
    data = FileData(source="file", path="x", text="text", label="label", task="multi_label")
    texts = [f"text number {row}" for row in range(60)]
    source = raw(texts, ["a,b" if row % 2 else "a" for row in range(40)] + ["b,c"] * 20, texts)
    source.frame["split"] = ["train"] * 40 + ["test"] * 20
    with pytest.raises(GraftError, match="label 'c' occurs in validation or test and not in train"):
        prepare_dataset(source, data, PrepareConfig())


@pytest.mark.parametrize("rows", [1, 2, 7, 60])
def test_quantiles_of_counted_lengths_are_those_of_sorted_ones(rows: int) -> None:
    lengths = np.random.default_rng(rows).integers(0, 40, rows)
    ranks = np.cumsum(np.bincount(lengths))
    for quantile in (*QUANTILES, 0.1, 0.333):
        assert _quantile(ranks, quantile) == np.quantile(lengths.astype(float), quantile)
