"""Bootstrap intervals against plain resampling of rows, and their properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from pipeline.evaluation import intervals
from pipeline.evaluation.intervals import macro_f1_interval, paired_difference_interval

SETTINGS = {"n_labels": 3, "resamples": 4000, "confidence": 0.95, "seed": 7}
FEW = SETTINGS | {"resamples": 100}


def simulated(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and two models of different skill, whose faults fall on partly the same rows."""
    random = np.random.default_rng(seed)
    labels = random.choice(3, rows, p=[0.5, 0.3, 0.2])
    difficulty = random.random(rows)
    better, worse = (
        np.where(difficulty + random.normal(0, 0.1, rows) < skill, labels, random.integers(0, 3, rows))
        for skill in (0.75, 0.6)
    )
    return labels, better, worse


def resampled_rows(labels, *models, resamples=1500):
    """Macro-F1 of each model on rows drawn with replacement, by scikit-learn: the textbook's way."""
    random = np.random.default_rng(1)
    for _ in range(resamples):
        rows = random.integers(0, len(labels), len(labels))
        yield [
            f1_score(labels[rows], model[rows], labels=range(3), average="macro", zero_division=0) for model in models
        ]


def test_agrees_with_resampling_rows():
    labels, better, worse = simulated(300)
    scores = np.array(list(resampled_rows(labels, better, worse)))
    low, high = macro_f1_interval(labels, better, **SETTINGS)
    np.testing.assert_allclose([low, high], np.quantile(scores[:, 0], [0.025, 0.975]), atol=0.006)
    low, high = paired_difference_interval(labels, better, worse, **SETTINGS)
    np.testing.assert_allclose([low, high], np.quantile(scores[:, 0] - scores[:, 1], [0.025, 0.975]), atol=0.006)


def test_covers_the_true_value_about_as_often_as_it_says():
    labels, better, _ = simulated(200_000, seed=1)
    truth = f1_score(labels, better, average="macro")
    covered = []
    for seed in range(200):
        sample, predicted, _ = simulated(400, seed=100 + seed)
        low, high = macro_f1_interval(sample, predicted, **(SETTINGS | {"resamples": 500, "seed": seed}))
        covered.append(low <= truth <= high)
    assert 0.90 <= np.mean(covered) <= 0.99


def test_a_perfect_model_has_no_width_where_labels_are_never_missed():
    labels = np.repeat([0, 1, 2], 100)
    assert macro_f1_interval(labels, labels, **SETTINGS) == (1.0, 1.0)


def test_the_same_model_differs_by_nothing():
    labels, better, _ = simulated(200)
    assert paired_difference_interval(labels, better, better, **SETTINGS) == (0.0, 0.0)


def test_swapping_the_models_mirrors_the_interval():
    labels, better, worse = simulated(500)
    low, high = paired_difference_interval(labels, better, worse, **SETTINGS)
    mirrored = paired_difference_interval(labels, worse, better, **SETTINGS)
    np.testing.assert_allclose(mirrored, (-high, -low), atol=0.004)


def test_the_paired_interval_is_narrower_than_unrelated_ones():
    labels, better, worse = simulated(500)
    low, high = paired_difference_interval(labels, better, worse, **SETTINGS)
    separate = [macro_f1_interval(labels, model, **SETTINGS) for model in (better, worse)]
    assert high - low < sum(upper - lower for lower, upper in separate)


def test_a_missing_label_counts_zero():
    labels = np.repeat([0, 1], 50)
    low, high = macro_f1_interval(labels, labels, **SETTINGS)
    assert (low, high) == pytest.approx((2 / 3, 2 / 3))


def test_many_rare_labels_have_an_interval_of_their_score_and_not_below_it():
    labels, random = np.repeat(np.arange(80), 2), np.random.default_rng(0)
    better, worse = (np.where(random.random(160) < skill, labels, random.integers(0, 80, 160)) for skill in (0.9, 0.6))
    many = SETTINGS | {"n_labels": 80, "resamples": 1000}
    scores = [f1_score(labels, model, average="macro", zero_division=0) for model in (better, worse)]
    low, high = macro_f1_interval(labels, better, **many)
    assert low < scores[0] < high
    low, high = paired_difference_interval(labels, better, worse, **many)
    assert low < scores[0] - scores[1] < high
    # A resample misses each label once in seven times; the others are right all the same.
    assert macro_f1_interval(labels, labels, **many) == (1.0, 1.0)
    assert macro_f1_interval(labels, labels, **many | {"n_labels": 100}) == pytest.approx((0.8, 0.8))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=30), st.randoms())
def test_bounds_and_independence_of_the_order_of_rows(rows, random):
    labels, first, second = np.array(rows).T
    low, high = macro_f1_interval(labels, first, **FEW)
    assert 0 <= low <= high <= 1
    difference = paired_difference_interval(labels, first, second, **FEW)
    assert -1 <= difference[0] <= difference[1] <= 1
    random.shuffle(rows)
    labels, first, second = np.array(rows).T
    assert paired_difference_interval(labels, first, second, **FEW) == difference


def test_blocks_of_resamples_change_nothing(monkeypatch):
    labels, better, worse = simulated(300)
    whole = paired_difference_interval(labels, better, worse, **SETTINGS)
    monkeypatch.setattr(intervals, "BLOCK", 100)
    assert paired_difference_interval(labels, better, worse, **SETTINGS) == whole
