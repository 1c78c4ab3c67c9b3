"""Whether the models' probabilities mean what they say, before and after temperature scaling."""

from dataclasses import dataclass

from pipeline.evaluation.calibration import Reliability, reliability
from pipeline.report.numbers import percent, score
from pipeline.report.results import Kind, ModelResult, Results
from pipeline.report.tables import Table


@dataclass(frozen=True)
class Diagram:
    """What the reliability diagram of a model shows; nothing after scaling where several teachers are averaged."""

    title: str
    kind: Kind
    before: Reliability
    after: Reliability | None


def diagrams(results: Results) -> list[Diagram]:
    """Return the diagram of the teacher and of each student; of one label of several alone."""
    if results.task.kind != "single_label":
        return []
    return [_diagram(model, results) for model in results.shipped]


def _diagram(model: ModelResult, results: Results) -> Diagram:
    gold = results.task.targets(model.predictions["label"])
    before, after = (reliability(model.probabilities(results.labels, each), gold) for each in (False, True))
    return Diagram(model.title, model.kind, before, after if model.temperature is not None else None)


def meaning(accuracy: float | None, coverage: float | None) -> str:
    """Say what the threshold was chosen for: ``accuracy`` or, where that is None, ``coverage``."""
    if accuracy is None:
        return f"which {percent(coverage)} of the validation texts do; a text that does not may be one no label fits"
    return f"from which on {percent(accuracy)} of the labels were right on validation"


def calibration_table(results: Results) -> Table | None:
    """Return temperature, calibration error and what a threshold of confidence gives, of every export.

    None where not one label of several is chosen.
    """
    if results.task.kind != "single_label":
        return None
    rows, kinds = [], []
    for model in results.shipped:
        for export in model.exports:
            found = export.figures
            errors = [score(found["ece"]), score(found["ece_calibrated"])]
            sure = [percent(found["threshold"]), percent(found["coverage"]), percent(found.get("accuracy_sure"), 1)]
            rows.append([export.name, f"{found['temperature']:.2f}", *errors, *sure])
            kinds.append(model.kind)
    headings = ["Model", "Temperature", "Error before", "Error after", "Sure from"]
    headings += ["Texts it is sure of", "Of these right"]
    return Table("Expected calibration error and sure labels on the test split", headings, rows, kinds)
