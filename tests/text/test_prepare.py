import pandas as pd

from pipeline.settings.data import FileData
from pipeline.settings.prepare import PrepareConfig
from pipeline.text.prepare import count_leakage, prepare_dataset
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


def test_leakage_is_counted_where_there_is_some() -> None:
    def split(*texts: str) -> pd.DataFrame:
        return pd.DataFrame({"text": texts}, dtype=object)

    leakage = count_leakage({"train": split("a b", "c"), "validation": split("A, b"), "test": split("c", "d")})
    assert leakage["train_validation"] == {"exact": 0, "loose": 1}
    assert leakage["train_test"] == {"exact": 1, "loose": 1}
    assert leakage["validation_test"] == {"exact": 0, "loose": 0}
