"""Scores and intervals of several labels and of numbers, against scikit-learn, SciPy and plain resampling of rows."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score

from pipeline.evaluation.correlation import paired_pearson_interval, pearson_interval
from pipeline.evaluation.intervals import multi_label_difference_interval, multi_label_interval
from pipeline.evaluation.measures import measure_of, validation_figures
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.task import Task

SEVERAL, NUMBER = Task("multi_label", ["a", "b", "c"]), Task("regression", ["stars"])
SETTINGS = {"resamples": 3000, "confidence": 0.95, "seed": 7}


def label_sets(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sets of three labels, and two models of which each forgets some and invents some."""
    random = np.random.default_rng(0)
    true = (random.random((rows, 3)) < [0.5, 0.3, 0.2]).astype(np.int64)
    better, worse = (np.where(random.random((rows, 3)) < share, 1 - true, true) for share in (0.1, 0.25))
    return true, better, worse


def numbers(rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    true = random.normal(3, 2, rows)
    return true, true + random.normal(0, 1, rows), 5 * true + random.normal(0, 15, rows)


def resampled(score, *columns: np.ndarray, resamples: int = 500) -> np.ndarray:
    random = np.random.default_rng(1)
    draws = (random.integers(0, len(columns[0]), len(columns[0])) for _ in range(resamples))
    return np.array([score(*(column[rows] for column in columns)) for rows in draws])


def macro(true: np.ndarray, said: np.ndarray) -> float:
    return float(f1_score(true, said, average="macro", zero_division=0))


def correlation(true: np.ndarray, said: np.ndarray) -> float:
    return float(pearsonr(true, said).statistic)


def test_macro_f1_of_several_labels_and_the_share_of_texts_with_all_right() -> None:
    true, better, _ = label_sets(200)
    figures = measure_of(SEVERAL).figures(true, better, None)
    assert figures["macro_f1"] == pytest.approx(macro(true, better))
    assert figures["accuracy"] == pytest.approx((true == better).all(axis=1).mean())
    assert figures["f1_b"] == pytest.approx(f1_score(true[:, 1], better[:, 1]))
    assert measure_of(SEVERAL).agreement(true, better) == figures["accuracy"]


def test_intervals_of_several_labels_agree_with_resampling_rows() -> None:
    true, better, worse = label_sets(150)
    expected = np.quantile(resampled(macro, true, better), [0.025, 0.975])
    assert multi_label_interval(true, better, **SETTINGS) == pytest.approx(expected, abs=0.01)
    apart = resampled(lambda one, two, three: macro(one, two) - macro(one, three), true, better, worse)
    expected = np.quantile(apart, [0.025, 0.975])
    assert multi_label_difference_interval(true, better, worse, **SETTINGS) == pytest.approx(expected, abs=0.012)


def test_rare_labels_of_several_do_not_pull_the_interval_down() -> None:
    rare = np.eye(40, dtype=np.int64).repeat(2, axis=0)
    assert multi_label_interval(rare, rare, **SETTINGS) == (1.0, 1.0)
    assert multi_label_interval(np.zeros_like(rare), rare, **SETTINGS) == (0.0, 0.0)
    low, high = multi_label_difference_interval(rare, rare, np.zeros_like(rare), **SETTINGS)
    assert (low, high) == (1.0, 1.0)


def test_a_label_is_given_from_one_half_on() -> None:
    assert measure_of(SEVERAL).decide(np.array([[0.5, 0.49, 1.0]])).tolist() == [[1, 0, 1]]


def test_correlations_and_error_of_numbers() -> None:
    true, better, _ = numbers(80)
    figures = measure_of(NUMBER).figures(true[:, None], better[:, None], ["x"] * 40 + ["y"] * 40)
    assert figures["pearson"] == pytest.approx(correlation(true, better))
    assert figures["spearman"] == pytest.approx(spearmanr(true, better).statistic)
    assert figures["rmse"] == pytest.approx(np.sqrt(np.mean((true - better) ** 2)))
    assert figures["pearson_domain_y"] == pytest.approx(correlation(true[40:], better[40:]))
    assert figures["rows_domain_x"] == 40


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_intervals_of_a_correlation_agree_with_resampling_rows(offset: float) -> None:
    true, better, worse = (column + offset for column in numbers(120))
    expected = np.quantile(resampled(correlation, true, better), [0.025, 0.975])
    assert pearson_interval(true, better, **SETTINGS) == pytest.approx(expected, abs=0.01)
    apart = resampled(lambda one, two, three: correlation(one, two) - correlation(one, three), true, better, worse)
    expected = np.quantile(apart, [0.025, 0.975])
    assert paired_pearson_interval(true, better, worse, **SETTINGS) == pytest.approx(expected, abs=0.015)


def test_a_constant_is_correlated_with_nothing() -> None:
    true, _, _ = numbers(30)
    constant = np.full((30, 1), 1e6 + 0.1)
    figures = measure_of(NUMBER).figures(true[:, None], constant, None)
    assert (figures["pearson"], figures["spearman"]) == (0, 0)
    assert pearson_interval(true, constant[:, 0], **SETTINGS) == (0, 0)


def test_a_model_equal_to_another_is_not_ahead_of_it() -> None:
    true, better, _ = numbers(30)
    measure = measure_of(NUMBER)
    columns = [each[:, None] for each in (true, better, better)]
    assert measure.difference_interval(*columns, EvaluateConfig(resamples=100)) == (0, 0)


def test_validation_reads_logits_as_the_task_does() -> None:
    logits = np.array([[3.0, -1.0, -2.0], [-1.0, -1.0, -1.0]])
    found = validation_figures(logits, np.array([[1.0, 0, 0], [0, 0, 1]]), SEVERAL)
    assert found["accuracy"] == 0.5
    true, better, _ = numbers(20)
    assert set(validation_figures(better[:, None], true[:, None], NUMBER)) == {"pearson", "spearman", "rmse"}
