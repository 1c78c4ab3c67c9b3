"""What a student owes to its teacher, on predictions whose answers are known."""

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import GraftError
from pipeline.evaluation.comparison import figures, student_figures
from pipeline.evaluation.predictions import prediction_frame
from pipeline.settings.evaluate import EvaluateConfig
from tests.conftest import one_label

LABELS = ["no", "yes"]
TASK = one_label(*LABELS)
CONFIG = EvaluateConfig(resamples=200)
TRUE = ["no", "yes"] * 50
DOMAINS = ["web"] * 100


def predictions(predicted: list[str]) -> pd.DataFrame:
    probabilities = np.array([[label == name for name in LABELS] for label in predicted], dtype=float)
    return prediction_frame([str(at) for at in range(len(predicted))], TRUE[: len(predicted)], probabilities, TASK)


RIGHT = predictions(TRUE)
HALF = predictions(TRUE[:50] + ["yes", "no"] * 25)
WRONG = predictions(["yes", "no"] * 50)


def test_a_perfect_student_of_a_perfect_teacher():
    result = student_figures(RIGHT, HALF, RIGHT, TASK, DOMAINS, CONFIG)
    assert result["retention"] == 1.0
    assert result["agreement"] == 1.0
    assert result["gain"] == 0.5
    assert 0 < result["gain_low"] < 0.5 < result["gain_high"] < 1
    assert (result["macro_f1_low"], result["macro_f1_high"]) == (1.0, 1.0)


def test_a_student_equal_to_its_control_gains_nothing():
    result = student_figures(HALF, HALF, RIGHT, TASK, DOMAINS, CONFIG)
    assert (result["gain"], result["gain_low"], result["gain_high"]) == (0.0, 0.0, 0.0)
    assert result["retention"] == result["agreement"] == 0.5


def test_no_retention_of_a_teacher_that_is_never_right():
    assert "retention" not in student_figures(HALF, RIGHT, WRONG, TASK, DOMAINS, CONFIG)


def test_the_gain_is_the_difference_of_published_figures():
    student, control = figures(HALF, TASK, DOMAINS, CONFIG), figures(WRONG, TASK, DOMAINS, CONFIG)
    result = student_figures(HALF, WRONG, RIGHT, TASK, DOMAINS, CONFIG)
    assert result["gain"] == pytest.approx(student["macro_f1"] - control["macro_f1"])
    assert {key: result[key] for key in student} == student


def test_missing_domains_are_one_domain():
    result = figures(RIGHT, TASK, [None, ""] * 25 + ["web"] * 50, CONFIG)
    assert result["rows_domain_unknown"] == 50


def test_other_texts_or_none_are_refused():
    with pytest.raises(GraftError, match="different texts"):
        student_figures(RIGHT, RIGHT.iloc[::-1], RIGHT, TASK, DOMAINS, CONFIG)
    with pytest.raises(GraftError, match="empty"):
        figures(RIGHT.head(0), TASK, [], CONFIG)
