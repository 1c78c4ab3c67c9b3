"""By how much the best student leads other models, on the same texts: whether the choice between them is shown."""

from collections.abc import Sequence

from pipeline.evaluation.measures import measure_of
from pipeline.evaluation.predictions import require_same_rows
from pipeline.report.results import ModelResult, ranked
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.task import Task


def lead_intervals(
    students: Sequence[ModelResult], others: Sequence[ModelResult], task: Task, config: EvaluateConfig
) -> dict[str, tuple[float, float]]:
    """Return, by name, the interval of the best student's score minus that of each of ``others`` (paired bootstrap)."""
    best = ranked(students)[0]
    others = [model for model in others if model is not best and model.applicable]
    require_same_rows(best.predictions, *(model.predictions for model in others))
    measure, gold = measure_of(task), task.targets(best.predictions["label"])
    said = {model.name: task.targets(model.predictions["predicted"]) for model in (best, *others)}
    return {
        model.name: measure.difference_interval(gold, said[best.name], said[model.name], config) for model in others
    }
