"""Metrics of a regression, and the percentile bootstrap intervals of its correlation.

Pearson's r is what the VADER study (Hutto & Gilbert 2014) measures ratings by: it does not hang on the scale of what
is foretold. Intervals as in ``pipeline.evaluation.intervals``, with rows drawn by their counts.
"""

from collections.abc import Iterator
from typing import Any

import datasets
import evaluate
import numpy as np
from scipy.stats import spearmanr

from pipeline.evaluation.intervals import percentiles

BLOCK = 4_000_000  # weights held at once


class Correlations(evaluate.Metric):
    """Pearson's r, Spearman's ρ and the root of the mean squared error of numbers against true ones.

    A constant is correlated with nothing: 0.
    """

    def __init__(self) -> None:
        # As for labels: a seed of its own, and no folder in the user's cache.
        super().__init__(keep_in_memory=True, seed=0)

    def _build_data_dir(self) -> str:
        return ""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Pearson's r, Spearman's rho and the root mean squared error.",
            citation="",
            inputs_description="predictions, references: a number per text",
            features=datasets.Features(
                {"predictions": datasets.Value("float64"), "references": datasets.Value("float64")}
            ),
        )

    def _compute(self, predictions: Any, references: Any) -> dict[str, float]:
        said, true = np.asarray(predictions, np.float64), np.asarray(references, np.float64)
        constant = len(true) < 2 or np.ptp(said) == 0 or np.ptp(true) == 0
        return {
            "pearson": float(_pearson(np.ones((1, len(true))), true, said)[0]),
            "spearman": 0.0 if constant else float(spearmanr(said, true).statistic),
            "rmse": float(np.sqrt(np.mean((said - true) ** 2))),
        }


def pearson_interval(
    true: np.ndarray, said: np.ndarray, resamples: int, confidence: float, seed: int
) -> tuple[float, float]:
    """Return the percentile interval of the correlation of ``said`` with ``true``, both (N,)."""
    scores = [_pearson(drawn, true, said) for drawn in _resamples(len(true), resamples, seed)]
    return percentiles(np.concatenate(scores), confidence)


def paired_pearson_interval(
    true: np.ndarray, said_a: np.ndarray, said_b: np.ndarray, resamples: int, confidence: float, seed: int
) -> tuple[float, float]:
    """Return the percentile interval of the correlation of ``said_a`` with ``true`` minus that of ``said_b``."""
    drawn = _resamples(len(true), resamples, seed)
    return percentiles(
        np.concatenate([_pearson(rows, true, said_a) - _pearson(rows, true, said_b) for rows in drawn]), confidence
    )


def _resamples(rows: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each row was drawn (some resamples, rows), ``resamples`` in all, in blocks that fit memory."""
    generator = np.random.default_rng(seed)
    size = max(1, BLOCK // rows)
    for start in range(0, resamples, size):
        chosen = generator.integers(0, rows, (min(size, resamples - start), rows))
        yield np.stack([np.bincount(each, minlength=rows) for each in chosen]).astype(np.float64)


def _pearson(weights: np.ndarray, true: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Return the correlation under each row of ``weights`` (resamples, N); 0 where either does not vary."""
    total = weights.sum(1)
    # Centred once, so that the moments below lose no digits to a large mean.
    one, other = true - true.mean(), said - said.mean()
    moments = weights @ np.stack([one, other, one * one, other * other, one * other], axis=1) / total[:, None]
    covariance = moments[:, 4] - moments[:, 0] * moments[:, 1]
    spread = (moments[:, 2] - moments[:, 0] ** 2) * (moments[:, 3] - moments[:, 1] ** 2)
    tiny = 1e-20 * max(float((one * one).mean() * (other * other).mean()), np.finfo(np.float64).tiny)
    found: np.ndarray = np.divide(
        covariance, np.sqrt(np.maximum(spread, 0)), out=np.zeros(len(weights)), where=spread > tiny
    )
    return found
