"""By how much the best student leads each other one, on the same texts: whether the choice between them is shown."""

from collections.abc import Sequence

from pipeline.evaluation.intervals import paired_difference_interval
from pipeline.evaluation.predictions import label_ids, require_same_rows
from pipeline.report.results import ModelResult, ranked
from pipeline.settings.evaluate import EvaluateConfig


def lead_intervals(
    students: Sequence[ModelResult], labels: Sequence[str], config: EvaluateConfig
) -> dict[str, tuple[float, float]]:
    """Return, for each student but the best, the interval of the best's macro-F1 minus its own (paired bootstrap)."""
    best, *others = ranked(students)
    require_same_rows(best.predictions, *(model.predictions for model in others))
    gold = label_ids(best.predictions["label"], labels)
    said = {model.name: label_ids(model.predictions["predicted"], labels) for model in (best, *others)}
    return {
        model.name: paired_difference_interval(
            gold, said[best.name], said[model.name], len(labels), config.resamples, config.confidence, config.seed
        )
        for model in others
    }
