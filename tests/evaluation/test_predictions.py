"""The table of predictions: columns, rounding, and refusal of what does not fit."""

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import GraftError
from pipeline.evaluation.predictions import prediction_frame, require_same_rows
from tests.conftest import one_label


def test_columns_and_predicted_label():
    frame = prediction_frame(["x", "y"], ["id", "b"], np.array([[0.2, 0.8], [0.6, 0.4]]), one_label("id", "b"))
    assert list(frame.columns) == ["id", "label", "predicted", "p_id", "p_b"]
    assert frame["predicted"].tolist() == ["b", "id"]
    assert frame["p_id"].dtype == np.float32


def test_prediction_follows_the_stored_probabilities():
    # Equal after rounding: whoever recomputes the label from the file must find the one in the file.
    frame = prediction_frame(["x"], ["a"], np.array([[0.49999999, 0.50000001]]), one_label("a", "b"))
    assert frame["predicted"].tolist() == ["a"]


def test_noise_below_the_rounding_changes_nothing():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 50).round(4)
    first = prediction_frame(range(50), ["a"] * 50, probabilities, one_label("a", "b", "c"))
    again = prediction_frame(range(50), ["a"] * 50, probabilities + 1e-9, one_label("a", "b", "c"))
    pd.testing.assert_frame_equal(first, again, check_exact=True)


def test_no_rows():
    frame = prediction_frame([], [], np.zeros((0, 2)), one_label("a", "b"))
    assert frame.empty
    assert list(frame.columns) == ["id", "label", "predicted", "p_a", "p_b"]


def test_refusals_name_the_fault():
    with pytest.raises(GraftError, match="shape"):
        prediction_frame(["x"], ["a"], np.zeros((1, 3)), one_label("a", "b"))
    with pytest.raises(GraftError, match="not numbers"):
        prediction_frame(["x"], ["a"], np.array([[np.nan, 1.0]]), one_label("a", "b"))
    with pytest.raises(GraftError, match="'maybe'"):
        one_label("no", "yes").targets(pd.Series(["yes", "maybe"]))
    with pytest.raises(GraftError, match="different texts"):
        require_same_rows(pd.DataFrame({"id": ["a", "b"]}), pd.DataFrame({"id": ["b", "a"]}))


def test_label_ids_follow_the_order_of_the_task():
    assert one_label("z", "a").targets(pd.Series(["z", "a", "z"])).tolist() == [0, 1, 0]
