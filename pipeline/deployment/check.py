"""What was written, held against the model it was made of, on the test split."""

from collections.abc import Mapping

import numpy as np

from pipeline.evaluation.metrics import MacroF1


def export_figures(
    reference: np.ndarray, exported: Mapping[str, np.ndarray], labels: np.ndarray
) -> dict[str, float]:
    """Compare the logits (N, K) of each exported precision with those of PyTorch, ``reference``.

    ``difference_P`` is the largest of any logit, ``flips_P`` counts texts whose label changed, ``macro_f1_P`` is
    by the gold ``labels`` (N,).
    """
    found = {"macro_f1_pytorch": macro_f1(reference, labels)}
    for precision, logits in exported.items():
        found[f"difference_{precision}"] = float(np.abs(logits - reference).max())
        found[f"flips_{precision}"] = int((logits.argmax(1) != reference.argmax(1)).sum())
        found[f"macro_f1_{precision}"] = macro_f1(logits, labels)
    return found


def macro_f1(logits: np.ndarray, labels: np.ndarray) -> float:
    """Macro-F1 of the likeliest labels by the gold ``labels`` (N,)."""
    scored = MacroF1(logits.shape[1]).compute(predictions=logits.argmax(1), references=labels)
    assert scored is not None
    return float(scored["macro_f1"])
