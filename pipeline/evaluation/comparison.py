"""The figures of one model, and of a student beside its control and its teacher."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.errors import GraftError
from pipeline.evaluation.measures import measure_of, read_answers
from pipeline.evaluation.predictions import require_same_rows
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.task import Task

DECIMALS = 6


def figures(
    predictions: pd.DataFrame, task: Task, domains: Sequence[str] | pd.Series, config: EvaluateConfig
) -> dict[str, float]:
    """Return ``answer_figures`` of a table of predictions, whose rows are of the ``domains``."""
    return answer_figures(*read_answers(task, predictions), task, domains, config)


def student_figures(
    student: pd.DataFrame,
    control: pd.DataFrame,
    teacher: pd.DataFrame,
    task: Task,
    domains: Sequence[str] | pd.Series,
    config: EvaluateConfig,
) -> dict[str, float]:
    """Return ``student_answer_figures`` of three tables of predictions."""
    require_same_rows(student, control, teacher)
    true, by_student = read_answers(task, student)
    by_others = [task.targets(each["predicted"]) for each in (control, teacher)]
    return student_answer_figures(true, [by_student, *by_others], task, domains, config)


def answer_figures(
    true: np.ndarray, said: np.ndarray, task: Task, domains: Sequence[str] | pd.Series, config: EvaluateConfig
) -> dict[str, float]:
    """Return the figures of a model that ``said`` what it did of texts, with the interval of its score.

    Both are what ``Task.targets`` gives; ``domains`` are the domain of each row.
    """
    if not len(true):
        raise GraftError("the test split is empty; raise prepare.test in params.yaml")
    measure = measure_of(task)
    result = dict(measure.figures(true, said, _domain_names(domains)))
    result[f"{measure.key}_low"], result[f"{measure.key}_high"] = measure.interval(true, said, config)
    return _rounded(result)


def student_answer_figures(
    true: np.ndarray,
    said: Sequence[np.ndarray],
    task: Task,
    domains: Sequence[str] | pd.Series,
    config: EvaluateConfig,
) -> dict[str, float]:
    """Return ``answer_figures`` of the student and what it owes to its teacher, of what it, its control and its
    teacher ``said``.

    ``retention``: its score over the teacher's (left out if the teacher's is not above 0). ``gain``: its score minus
    the control's, with the interval of the paired bootstrap. ``agreement``: the share of texts where student and
    teacher predict the same, of numbers their correlation.
    """
    measure = measure_of(task)
    by_student, by_control, by_teacher = said
    result = answer_figures(true, by_student, task, domains, config)
    own, of_control, of_teacher = (measure.score(true, said) for said in (by_student, by_control, by_teacher))
    if of_teacher > 0:
        result["retention"] = own / of_teacher
    result["gain"] = own - of_control
    result["gain_low"], result["gain_high"] = measure.difference_interval(true, by_student, by_control, config)
    result["agreement"] = measure.agreement(by_student, by_teacher)
    return _rounded(result)


def _domain_names(domains: Sequence[str] | pd.Series) -> list[str]:
    return [str(domain) or "unknown" for domain in pd.Series(domains, dtype=object).fillna("")]


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {key: value if isinstance(value, int) else round(value, DECIMALS) for key, value in values.items()}
