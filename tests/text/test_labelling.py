import numpy as np
import pytest

from pipeline.errors import GraftError
from pipeline.settings.data import FileData, Labelling
from pipeline.text.labelling import assign_labels, name_of_number, order_labels

CUTS = Labelling(cuts=[-0.5, 0.5], labels=["negative", "neutral", "positive"])


def assign(raw: list[object], labelling: Labelling) -> tuple[list[str], list[str]]:
    names, reasons = assign_labels([f"row-{row}" for row in range(1, len(raw) + 1)], raw, labelling)
    return names.tolist(), reasons.tolist()


def test_a_range_takes_its_upper_bound_in() -> None:
    names, reasons = assign(["-4", -0.5, "-0.49", 0.5, "0.500001", 4], CUTS)
    assert names == ["negative", "negative", "neutral", "neutral", "positive", "positive"]
    assert set(reasons) == {""}


def test_what_is_no_number_is_refused() -> None:
    names, reasons = assign(["1", "good", "nan", "inf", None, " ", float("nan"), 1e400], CUTS)
    assert names == ["positive"] + [""] * 7
    assert reasons == ["", *["label_not_a_number"] * 3, *["label_missing"] * 3, "label_not_a_number"]


def test_labels_that_are_all_words_name_the_remedy() -> None:
    with pytest.raises(GraftError, match=r"'good' of row-2 is no number.*remove data.cuts"):
        assign([None, "good", "bad"], CUTS)


def test_labels_as_they_stand() -> None:
    names, reasons = assign([" good ", 1.0, "1.0", 1, "2.5", True, "a\nb", None, float("nan"), "\ufeff"], Labelling())
    assert names == ["good", "1", "1", "1", "2.5", "True", "a b", "", "", ""]
    assert reasons == [""] * 7 + ["label_missing"] * 3


def test_labels_outside_the_list_are_refused() -> None:
    names, reasons = assign(["good", "odd", None], Labelling(labels=["good", "bad"]))
    assert names == ["good", "", ""]
    assert reasons == ["", "label_unknown", "label_missing"]


def test_no_rows_at_all() -> None:
    for labelling in (CUTS, Labelling(), Labelling(labels=["good"])):
        names, reasons = assign_labels([], [], labelling)
        assert len(names) == len(reasons) == 0


def test_order() -> None:
    assert order_labels({"positive", "negative"}, CUTS) == ["negative", "positive"]
    assert order_labels({"10", "9", "-1"}, Labelling()) == ["-1", "9", "10"]
    assert order_labels({"b", "10", "a"}, Labelling()) == ["10", "a", "b"]


def test_reasons_are_arrays_of_the_rows() -> None:
    names, reasons = assign_labels(["a"], ["x"], Labelling())
    assert isinstance(names, np.ndarray)
    assert names.shape == reasons.shape == (1,)


def test_numbers_stay_numbers() -> None:
    values, reasons = assign(["1.5", 2, None, "much", "-inf"], Labelling(task="regression"))
    assert values[:2] == [1.5, 2.0]
    assert reasons == ["", "", "label_missing", "label_not_a_number", "label_not_a_number"]
    with pytest.raises(GraftError, match=r"'much' of row-1 is no number.*set data.task to single_label"):
        assign(["much"], Labelling(task="regression"))
    table = FileData(source="file", path="x", text="text", label="stars", task="regression")
    assert name_of_number(table) == "stars"


def test_sets_of_labels_from_lists_cells_and_columns() -> None:
    several = Labelling(task="multi_label", separator="|")
    raw = ["b| a |b", "", ["c", "a"], [], None, {"a": "1", "b": 0, "c": True}, {"a": "yes"}]
    found, reasons = assign(raw, several)
    assert found == [("a", "b"), (), ("a", "c"), (), (), ("a", "c"), ()]
    assert reasons == ["", "", "", "", "label_missing", "", "label_not_0_or_1"]
    known = Labelling(task="multi_label", labels=["a", "b"])
    assert assign([["a"], ["a", "x"]], known) == ([("a",), ()], ["", "label_unknown"])
    columns = FileData(source="file", path="x", text="text", label=["z", "a"], task="multi_label")
    assert order_labels({"a", "z"}, columns) == ["z", "a"]
