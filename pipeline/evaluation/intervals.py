"""Percentile bootstrap intervals of macro-F1 and of the difference between two models.

Efron & Tibshirani, *An Introduction to the Bootstrap* (1993): the percentile interval is chapter 13,
equation 13.5; the paired case resamples whole rows, so both models always meet the same texts.

Macro-F1 depends on the rows only through how many fall into each cell (label, predicted). Drawing n
rows with replacement draws those cell counts from a multinomial of n trials, so the counts are drawn
directly: exactly the same distribution, at a cost that does not grow with the number of rows.
"""

from collections.abc import Iterator

import numpy as np

BLOCK = 4_000_000  # counts held at once


def macro_f1_interval(
    labels: np.ndarray, predicted: np.ndarray, n_labels: int, resamples: int, confidence: float, seed: int
) -> tuple[float, float]:
    """Return the percentile interval of macro-F1 over ``n_labels`` labels."""
    cells, counts = _cells(labels, predicted)
    scores = [
        _macro_f1(drawn, cells[:, 0], cells[:, 1], n_labels) for drawn in _resamples(counts, n_labels, resamples, seed)
    ]
    return percentiles(np.concatenate(scores), confidence)


def paired_difference_interval(
    labels: np.ndarray,
    predicted_a: np.ndarray,
    predicted_b: np.ndarray,
    n_labels: int,
    resamples: int,
    confidence: float,
    seed: int,
) -> tuple[float, float]:
    """Return the percentile interval of macro-F1 of ``predicted_a`` minus that of ``predicted_b``."""
    cells, counts = _cells(labels, predicted_a, predicted_b)
    differences = [
        _macro_f1(drawn, cells[:, 0], cells[:, 1], n_labels) - _macro_f1(drawn, cells[:, 0], cells[:, 2], n_labels)
        for drawn in _resamples(counts, n_labels, resamples, seed)
    ]
    return percentiles(np.concatenate(differences), confidence)


def multi_label_interval(
    true: np.ndarray, said: np.ndarray, resamples: int, confidence: float, seed: int
) -> tuple[float, float]:
    """Return the percentile interval of macro-F1 where a text has any number of labels: both (N, labels), 0 or 1."""
    (cells, counts), labels = _cells(true, said), true.shape[1]
    parts = (cells[:, :labels] > 0, cells[:, labels:] > 0)
    scores = [_mean_f1(drawn, *parts) for drawn in _resamples(counts, labels, resamples, seed)]
    return percentiles(np.concatenate(scores), confidence)


def multi_label_difference_interval(
    true: np.ndarray, said_a: np.ndarray, said_b: np.ndarray, resamples: int, confidence: float, seed: int
) -> tuple[float, float]:
    """Return the percentile interval of macro-F1 of ``said_a`` minus that of ``said_b``; all (N, labels), 0 or 1."""
    (cells, counts), labels = _cells(true, said_a, said_b), true.shape[1]
    gold, by_a, by_b = (cells[:, at * labels : (at + 1) * labels] > 0 for at in range(3))
    differences = [
        _mean_f1(drawn, gold, by_a) - _mean_f1(drawn, gold, by_b)
        for drawn in _resamples(counts, labels, resamples, seed)
    ]
    return percentiles(np.concatenate(differences), confidence)


def _cells(*columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct rows (cells, columns), in order, and how often each occurs (cells,).

    Columns are (N,), or (N, some) side by side.
    """
    cells, counts = np.unique(np.column_stack(columns), axis=0, return_counts=True)
    return cells, counts


def _resamples(counts: np.ndarray, n_labels: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield resampled cell counts (some resamples, cells), ``resamples`` in all, in blocks that fit memory."""
    generator = np.random.default_rng(seed)
    total = int(counts.sum())
    size = max(1, BLOCK // max(len(counts), n_labels))
    for start in range(0, resamples, size):
        yield generator.multinomial(total, counts / total, size=min(size, resamples - start)).astype(np.float64)


def _macro_f1(drawn: np.ndarray, labels: np.ndarray, predicted: np.ndarray, n_labels: int) -> np.ndarray:
    """Return macro-F1 of each resample (resamples,); F1 of a label is 2·hits / (true + predicted), 0 without either.

    All sums are of whole numbers under 2**53, so their order cannot change the result.
    """
    every = np.arange(n_labels)
    is_label = labels[:, None] == every  # (cells, labels)
    return _mean_f1(drawn, is_label, predicted[:, None] == every)


def _mean_f1(drawn: np.ndarray, is_label: np.ndarray, is_predicted: np.ndarray) -> np.ndarray:
    """Return the mean of F1 over the labels, (resamples,), of what cells have and are given: (cells, labels) bool.

    A label that no text has counts 0. One whose few texts a resample happens to miss says nothing there, and the
    others speak for it: were it 0, the interval of many rare labels would lie below what it is the interval of.
    """
    hits = drawn @ (is_label & is_predicted).astype(np.float64)  # (resamples, labels)
    sizes = drawn @ (is_label.astype(np.float64) + is_predicted)
    scores = np.divide(2 * hits, sizes, out=np.zeros_like(hits), where=sizes > 0)
    met = drawn @ is_label.astype(np.float64) > 0
    total, labels = (scores * met).sum(axis=1), met.sum(axis=1)
    means: np.ndarray = np.divide(total, labels, out=np.zeros_like(total), where=labels > 0)
    return means * float(is_label.any(axis=0).mean())


def percentiles(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Return the ends of the percentile interval of resampled ``values``."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)
