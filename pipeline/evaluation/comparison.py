"""The figures of one model, and of a student beside its control and its teacher."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.errors import GraftError
from pipeline.evaluation.intervals import macro_f1_interval, paired_difference_interval
from pipeline.evaluation.metrics import MacroF1, classification_figures
from pipeline.evaluation.predictions import label_ids, require_same_rows
from pipeline.settings.evaluate import EvaluateConfig

DECIMALS = 6


def figures(
    predictions: pd.DataFrame, labels: Sequence[str], domains: Sequence[str] | pd.Series, config: EvaluateConfig
) -> dict[str, float]:
    """Return the figures of a table of predictions, with the interval of its macro-F1.

    ``labels`` are the task's label names in order, ``domains`` the domain of each row of ``predictions``.
    """
    if predictions.empty:
        raise GraftError("the test split is empty; raise prepare.test in params.yaml")
    true, predicted = label_ids(predictions["label"], labels), label_ids(predictions["predicted"], labels)
    result = classification_figures(true, predicted, labels, _domain_names(domains))
    result["macro_f1_low"], result["macro_f1_high"] = macro_f1_interval(
        true, predicted, len(labels), config.resamples, config.confidence, config.seed
    )
    return _rounded(result)


def student_figures(
    student: pd.DataFrame,
    control: pd.DataFrame,
    teacher: pd.DataFrame,
    labels: Sequence[str],
    domains: Sequence[str] | pd.Series,
    config: EvaluateConfig,
) -> dict[str, float]:
    """Return ``figures`` of the student and what it owes to its teacher.

    ``retention``: its macro-F1 over the teacher's (left out if the teacher's is 0). ``gain``: its macro-F1
    minus the control's, with the interval of the paired bootstrap. ``agreement``: the share of texts where
    student and teacher predict the same label.
    """
    require_same_rows(student, control, teacher)
    true = label_ids(student["label"], labels)
    by_student, by_control, by_teacher = (label_ids(each["predicted"], labels) for each in (student, control, teacher))
    result = figures(student, labels, domains, config)
    metric = MacroF1(len(labels))
    own, of_control, of_teacher = (
        metric.compute(predictions=predicted, references=true)["macro_f1"]
        for predicted in (by_student, by_control, by_teacher)
    )
    if of_teacher > 0:
        result["retention"] = own / of_teacher
    result["gain"] = own - of_control
    result["gain_low"], result["gain_high"] = paired_difference_interval(
        true, by_student, by_control, len(labels), config.resamples, config.confidence, config.seed
    )
    result["agreement"] = float(np.mean(by_student == by_teacher))
    return _rounded(result)


def _domain_names(domains: Sequence[str] | pd.Series) -> list[str]:
    return [str(domain) or "unknown" for domain in pd.Series(domains, dtype=object).fillna("")]


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {key: value if isinstance(value, int) else round(value, DECIMALS) for key, value in values.items()}
