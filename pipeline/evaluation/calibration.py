"""Whether probabilities mean what they say, and how to make them: temperature scaling, after Guo et al. 2017.

"On Calibration of Modern Neural Networks", ICML 2017: eq. 9 (temperature), eq. 3 (expected calibration error).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

# Temperatures that are looked at, and bins of the calibration error as in the paper.
LOWEST, HIGHEST = 0.05, 20.0
BINS = 15

# Half of the last digit that predictions are published with: a probability of 0 there lies below it.
LEAST = 5e-7


@dataclass(frozen=True)
class Reliability:
    """The bins of confidence that hold texts: mean confidence, share of right labels, number of texts; each (bins,)."""

    confidence: np.ndarray
    accuracy: np.ndarray
    texts: np.ndarray


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature under which ``labels`` (N,) are likeliest by ``logits`` (N, K), to four digits."""

    def loss(logarithm: float) -> float:
        scores = log_softmax(logits.astype(np.float64) / np.exp(logarithm), axis=1)
        return float(-scores[np.arange(len(labels)), labels].mean())

    # In the logarithm, in which the loss has one minimum.
    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-4})
    return round(float(np.exp(found.x)), 4)


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities (N, K) that the logits behind ``probabilities`` give at ``temperature``.

    A softmax keeps the logits but for a constant per row, which no temperature changes.
    """
    logits = np.log(np.maximum(probabilities.astype(np.float64), LEAST))
    tempered: np.ndarray = softmax(logits / temperature, axis=1)
    return tempered


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> Reliability:
    """Return how often labels (N,) of each confidence are right, by probabilities (N, K)."""
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    texts = np.bincount(bins, minlength=BINS)
    held = texts > 0
    means = [np.bincount(bins, each, BINS)[held] / texts[held] for each in (confidence, correct)]
    return Reliability(means[0], means[1], texts[held])


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean distance between confidence and accuracy over bins of confidence: (N, K) and (N,), 0 at best, 1 at worst."""
    found = reliability(probabilities, labels)
    return float((np.abs(found.confidence - found.accuracy) * found.texts).sum() / len(labels))


def confidence_threshold(probabilities: np.ndarray, labels: np.ndarray, accuracy: float) -> float:
    """Return the lowest confidence from which on ``accuracy`` of the labels are right, to six digits; 1 if from none.

    From it on: of all texts with at least that confidence, and of none with less, is ``accuracy`` reached.
    """
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    order = np.argsort(-confidence, kind="stable")
    shares = np.cumsum(correct[order]) / np.arange(1, len(order) + 1)
    # Texts of equal confidence stand or fall together: only the last of them may be the threshold.
    last = np.append(np.diff(confidence[order]) != 0, True)
    reached = np.flatnonzero(last & (shares >= accuracy))
    if not len(reached):
        return 1.0
    return _floor(confidence[order][reached[-1]])


def coverage_threshold(probabilities: np.ndarray, coverage: float) -> float:
    """Return the highest confidence that ``coverage`` of the texts (N, K) have or exceed, to six digits.

    Whether their labels are right does not count: it is the threshold for refusing texts of no known label, set where
    the known ones are still kept (Hendrycks & Gimpel 2017, "A Baseline for Detecting Misclassified and
    Out-of-Distribution Examples in Neural Networks", section 2).
    """
    confidence = np.sort(probabilities.max(axis=1))[::-1]
    # A share such as 0.95 of 20 texts is 19 of them, whatever the product is in binary.
    kept = int(np.ceil(coverage * len(confidence) - 1e-9))
    return _floor(confidence[max(kept, 1) - 1])


def _floor(confidence: float) -> float:
    """Down to six digits, so that the text whose confidence it is still reaches it."""
    return float(np.floor(confidence * 1e6) / 1e6)
