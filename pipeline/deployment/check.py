"""What was written, held against the model it was made of, on the test split; and whether its probabilities hold."""

from collections.abc import Mapping

import numpy as np

from pipeline.errors import GraftError
from pipeline.evaluation.calibration import (
    confidence_threshold,
    coverage_threshold,
    expected_calibration_error,
    fit_temperature,
)
from pipeline.evaluation.measures import measure_of
from pipeline.task import Task, softmax

# How far a logit of the graph in fp32 may lie from PyTorch's: sums come in another order, nothing else may differ. Of
# numbers that are large themselves, such as prices, it is this share of the largest.
TOLERANCE, SHARE = 1e-3, 1e-5


def export_figures(
    whole: np.ndarray, reference: np.ndarray, exported: Mapping[str, np.ndarray], targets: np.ndarray, task: Task
) -> dict[str, float]:
    """Compare logits (N, K): of the model in PyTorch, ``whole`` and pruned (``reference``), and of what was written.

    ``exported`` is by precision P: ``difference_P`` is the largest of any logit to ``reference``, ``flips_P`` counts
    texts whose labels differ from those of ``reference`` (a number has none), ``macro_f1_P``, or whatever the task is
    measured by, is by the ``targets``; likewise ``flips_pruned`` and ``macro_f1_pruned`` for ``reference`` against
    ``whole``, and ``macro_f1_pytorch`` for that.

    Raises GraftError if the graph in fp32 is not the model.
    """
    measure = measure_of(task)

    def score(logits: np.ndarray) -> float:
        return measure.score(targets, measure.decide(task.answers(logits)))

    def flips(logits: np.ndarray, other: np.ndarray) -> int:
        one, another = (measure.decide(task.answers(each)) for each in (logits, other))
        return round(len(logits) * (1 - measure.agreement(one, another)))

    counts = task.kind != "regression"
    found = {f"{measure.key}_pytorch": score(whole), f"{measure.key}_pruned": score(reference)}
    if counts:
        found["flips_pruned"] = flips(reference, whole)
    for precision, logits in exported.items():
        found[f"difference_{precision}"] = float(np.abs(logits - reference).max())
        if counts:
            found[f"flips_{precision}"] = flips(logits, reference)
        found[f"{measure.key}_{precision}"] = score(logits)
    if not found["difference_fp32"] <= max(TOLERANCE, SHARE * float(np.abs(reference).max())):
        raise GraftError(
            f"the exported graph is not the model: a logit differs by {found['difference_fp32']:.2g}; its architecture "
            "uses an operation that torch.onnx.export writes wrongly, please report it"
        )
    return found


def calibration_figures(
    logits: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    accuracy: float | None,
    coverage: float | None = None,
) -> dict[str, float]:
    """Choose ``temperature`` and ``threshold`` on the split ``validation``; say what they do on ``test``.

    ``logits`` (N, K) and gold ``labels`` (N,) are by split. From ``threshold`` on, ``accuracy`` of the labels are right
    on validation or, where that is None, ``coverage`` of the texts reach it; on test ``coverage`` is the share of texts
    that reach it and ``accuracy_sure``, unless there are none, how many of them are right. ``ece`` and
    ``ece_calibrated`` are the expected calibration error on test before and after.
    """
    temperature = fit_temperature(logits["validation"], labels["validation"])
    known = softmax(logits["validation"] / temperature)
    if accuracy is not None:
        threshold = confidence_threshold(known, labels["validation"], accuracy)
    else:
        assert coverage is not None
        threshold = coverage_threshold(known, coverage)
    calibrated = softmax(logits["test"] / temperature)
    sure = calibrated.max(axis=1) >= threshold
    right = calibrated.argmax(axis=1) == labels["test"]
    return {
        "temperature": temperature,
        "threshold": threshold,
        "coverage": float(sure.mean()),
        **({"accuracy_sure": float(right[sure].mean())} if sure.any() else {}),
        "ece": expected_calibration_error(softmax(logits["test"]), labels["test"]),
        "ece_calibrated": expected_calibration_error(calibrated, labels["test"]),
    }
