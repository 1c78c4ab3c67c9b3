import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import GraftError
from pipeline.text.splitting import SPLITS, split_groups


def singles(rows: int, labels: int = 3, domains: int = 4) -> pd.DataFrame:
    source = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "group": [f"g{row}" for row in range(rows)],
            "label": source.integers(0, labels, rows).astype(str),
            "domain": source.integers(0, domains, rows).astype(str),
        },
        dtype=object,
    )


@st.composite
def documents(draw: st.DrawFn) -> pd.DataFrame:
    """Documents of 1 to 8 sentences with labels of their own; every label in at least 12 documents."""
    sizes = draw(st.lists(st.integers(1, 8), min_size=36, max_size=120))
    rows = []
    for number, size in enumerate(sizes):
        labels = [str(number % 3), *draw(st.lists(st.sampled_from("012"), min_size=size - 1, max_size=size - 1))]
        rows += [(f"d{number}", label, "news" if number % 2 else "chat") for label in labels]
    return pd.DataFrame(rows, columns=["group", "label", "domain"], dtype=object)


@settings(max_examples=40, deadline=None)
@given(documents(), st.integers(0, 99))
def test_documents_stay_whole_and_shares_hold(frame: pd.DataFrame, seed: int) -> None:
    splits = split_groups(frame, 0.15, 0.2, seed)
    assert frame.assign(split=splits).groupby("group")["split"].nunique().max() == 1
    present = set(zip(splits, frame["label"], strict=True))
    assert present == {(split, label) for split in SPLITS for label in "012"}
    for split, share in (("train", 0.65), ("validation", 0.15), ("test", 0.2)):
        # A document of eight sentences and three labels to serve: within a document and a half.
        assert abs((splits == split).sum() - share * len(frame)) <= 12


@pytest.mark.parametrize("rows", [100, 5000])
def test_every_label_and_domain_gets_its_share(rows: int) -> None:
    frame = singles(rows)
    frame["split"] = split_groups(frame, 0.1, 0.15, 7)
    for columns in (["label"], ["domain"], ["label", "domain"]):
        for _, part in frame.groupby(columns):
            for split, share in (("validation", 0.1), ("test", 0.15)):
                assert abs((part["split"] == split).sum() - share * len(part)) <= 3
    assert (frame["split"] == "test").sum() == pytest.approx(0.15 * rows, abs=1)


def test_many_small_labels_add_up() -> None:
    frame = singles(3000, domains=1)
    frame["label"] = [str(row % 300) for row in range(3000)]
    splits = split_groups(frame, 0.1, 0.15, 7)
    assert (splits == "validation").sum() == pytest.approx(300, abs=3)
    assert (splits == "test").sum() == pytest.approx(450, abs=3)


def test_the_order_of_rows_does_not_matter_and_the_seed_does() -> None:
    frame = singles(300)
    order = np.random.default_rng(1).permutation(300)
    splits = split_groups(frame, 0.1, 0.15, 7)
    again = split_groups(frame.iloc[order], 0.1, 0.15, 7)
    assert splits[order].tolist() == again.tolist()
    assert splits.tolist() != split_groups(frame, 0.1, 0.15, 8).tolist()


def test_a_label_in_three_groups_is_in_every_split() -> None:
    frame = pd.concat([singles(500), pd.DataFrame({"group": ["x", "y", "z"], "label": "rare", "domain": "9"})])
    splits = split_groups(frame, 0.01, 0.01, 3)
    assert set(splits[-3:]) == set(SPLITS)


def test_a_label_in_too_few_groups_is_named() -> None:
    frame = pd.concat([singles(50), pd.DataFrame({"group": ["x", "y"], "label": "rare", "domain": "9"})])
    with pytest.raises(GraftError, match=r"label 'rare' occurs in 2 group\(s\)"):
        split_groups(frame, 0.1, 0.1, 3)


def test_a_share_of_nothing_leaves_the_split_out() -> None:
    frame = singles(100)
    assert set(split_groups(frame, 0.2, 0.0, 7)) == {"train", "validation"}
    assert set(split_groups(frame, 0.0, 0.2, 7)) == {"train", "test"}


def test_one_giant_document_goes_to_train() -> None:
    giant = pd.DataFrame({"group": "giant", "label": ["0", "1"] * 200, "domain": "0"})
    frame = pd.concat([singles(600, labels=2, domains=1), giant])
    splits = split_groups(frame, 0.1, 0.15, 7)
    assert set(splits[-400:]) == {"train"}
    assert (splits == "test").sum() == 150
