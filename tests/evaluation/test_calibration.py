"""Calibration with known answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.calibration import (
    confidence_threshold,
    coverage_threshold,
    expected_calibration_error,
    fit_temperature,
    reliability,
    temper,
)
from pipeline.task import softmax


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_logits_were_multiplied_by_is_found(temperature: float) -> None:
    source = np.random.default_rng(0)
    true = source.normal(size=(20_000, 3)) * 2
    labels = np.array([source.choice(3, p=shares) for shares in softmax(true)])
    assert fit_temperature(true * temperature, labels) == pytest.approx(temperature, rel=0.05)


def test_the_error_is_0_where_confidence_is_accuracy_and_the_distance_where_it_is_not() -> None:
    labels = np.array([0, 0, 0, 1])
    assert expected_calibration_error(np.tile([0.75, 0.25], (4, 1)), labels) == pytest.approx(0)
    assert expected_calibration_error(np.tile([1.0, 0.0], (4, 1)), labels) == pytest.approx(0.25)


def test_the_threshold_is_the_lowest_from_which_on_enough_labels_are_right() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.array([0, 0, 1, 0])
    assert confidence_threshold(probabilities, labels, 0.75) == pytest.approx(0.6)
    assert confidence_threshold(probabilities, labels, 0.9) == pytest.approx(0.8)
    assert confidence_threshold(probabilities, np.array([1, 1, 1, 1]), 0.5) == 1.0


def test_texts_of_equal_confidence_stand_or_fall_together() -> None:
    probabilities = np.tile([0.8, 0.2], (4, 1))
    assert confidence_threshold(probabilities, np.array([0, 0, 1, 1]), 0.9) == 1.0


def test_the_threshold_for_a_coverage_is_the_highest_that_so_many_texts_reach() -> None:
    confidence = np.linspace(0.5, 0.975, 20)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    assert coverage_threshold(probabilities, 0.95) == pytest.approx(0.525)
    assert coverage_threshold(probabilities, 0.01) == pytest.approx(0.975)
    assert coverage_threshold(probabilities[:1], 0.5) == pytest.approx(0.5)


@given(
    shares=st.lists(st.floats(0.5, 1), min_size=1, max_size=60),
    coverage=st.floats(0.01, 0.99),
)
def test_a_coverage_is_reached_and_by_no_text_too_many(shares: list[float], coverage: float) -> None:
    confidence = np.array(shares)
    threshold = coverage_threshold(np.stack([confidence, 1 - confidence], axis=1), coverage)
    assert (confidence >= threshold).mean() >= coverage - 1e-9
    # One text fewer would be too few, unless others lie within the digits that are kept.
    assert (confidence > threshold + 1e-6).mean() < coverage + 1e-9


def test_the_bins_hold_mean_confidence_accuracy_and_texts() -> None:
    confidence = np.array([0.51, 0.52, 0.9, 0.91, 0.92, 1.0])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    found = reliability(probabilities, np.array([0, 1, 0, 0, 1, 0]))
    assert found.texts.tolist() == [2, 3, 1]
    assert found.confidence == pytest.approx([0.515, 0.91, 1.0])
    assert found.accuracy == pytest.approx([0.5, 2 / 3, 1.0])


def test_probabilities_are_tempered_as_their_logits_are() -> None:
    logits = np.random.default_rng(0).normal(size=(50, 4)) * 3
    assert temper(softmax(logits), 1.7) == pytest.approx(softmax(logits / 1.7), abs=1e-6)
    assert temper(softmax(logits), 1.0) == pytest.approx(softmax(logits), abs=1e-6)


def test_a_published_0_stays_finite() -> None:
    tempered = temper(np.array([[1.0, 0.0]], dtype=np.float32), 2.0)
    assert tempered.sum() == pytest.approx(1)
    assert 0 < tempered[0, 1] < 0.001
