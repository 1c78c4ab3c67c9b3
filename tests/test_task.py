"""Targets and answers of each kind of task."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, softmax
from transformers import BertConfig

from pipeline.errors import GraftError
from pipeline.settings.base import Kind
from pipeline.task import Task, is_known, task_of, task_of_model

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 0.0, 3.0]], np.float32)


def test_targets_are_positions_or_rows_of_0_and_1_or_numbers() -> None:
    labels = ["a", "b", "c"]
    assert Task("single_label", labels).targets(pd.Series(["c", "a"])).tolist() == [2, 0]
    several = Task("multi_label", labels).targets(pd.Series([["c", "a"], [], np.array(["b"])]))
    assert several.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert several.dtype == np.float32
    assert Task("regression", ["stars"]).targets(pd.Series([1.5, -2.0])).tolist() == [[1.5], [-2.0]]


@pytest.mark.parametrize(("kind", "label"), [("single_label", "x"), ("multi_label", ["a", "x"])])
def test_a_label_of_another_task_is_named(kind: Kind, label: object) -> None:
    with pytest.raises(GraftError, match=r"the label 'x', not one of a, b; run `dvc repro`"):
        Task(kind, ["a", "b"]).targets(pd.Series([label], dtype=object))


def test_answers_are_probabilities_or_the_number() -> None:
    np.testing.assert_allclose(Task("single_label", ["a", "b", "c"]).answers(LOGITS), softmax(LOGITS, axis=1), 1e-6)
    np.testing.assert_allclose(Task("multi_label", ["a", "b", "c"]).answers(LOGITS), expit(LOGITS), 1e-6)
    assert Task("regression", ["stars"]).answers(LOGITS[:, :1]).tolist() == [[2.0], [0.0]]


@pytest.mark.parametrize("kind", ["single_label", "multi_label", "regression"])
def test_a_models_configuration_keeps_its_task(kind: Kind) -> None:
    task = Task(kind, ["stars"] if kind == "regression" else ["b", "a"])
    config = BertConfig()
    task.describe(config)
    assert task_of_model(BertConfig.from_dict(config.to_dict())) == task
    assert task_of({"task": kind, "labels": task.labels}) == task


def test_rows_without_a_target() -> None:
    assert is_known(np.array([0, -100, 2])).tolist() == [True, False, True]
    assert is_known(np.array([[1.0, 0.0], [np.nan, np.nan]])).tolist() == [True, False]
