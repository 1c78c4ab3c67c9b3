"""The sentences: who won, when a gain is not shown, and who loses to a rival."""

import pandas as pd

from pipeline.report.results import Kind, ModelResult, Results
from pipeline.report.verdict import verdict

NOTHING = pd.DataFrame({"label": [], "predicted": []})


def model(name: str, kind: Kind, macro_f1: float, parameters: int | None = None, **figures) -> ModelResult:
    return ModelResult(name, name, kind, {"macro_f1": macro_f1, **figures}, NOTHING, parameters)


def student(name: str, macro_f1: float, gain: tuple[float, float, float]) -> ModelResult:
    middle, low, high = gain
    measured = {"retention": macro_f1 / 0.8, "gain": middle, "gain_low": low, "gain_high": high}
    return model(name, "student", macro_f1, 4_100_000, **measured)


def sentences(*models: ModelResult) -> list[str]:
    teacher = model("minilm", "teacher", 0.8, 22_700_000)
    found = verdict(Results("", ["a", "b"], 0.95, [teacher, *models], [], {}))
    return [sentence.replace("\u00a0", " ") for sentence in found]


def test_the_best_student_comes_first():
    found = sentences(student("static", 0.6, (0.02, 0.01, 0.03)), student("bilstm", 0.74, (0.051, 0.039, 0.064)))
    assert found[0] == (
        "bilstm is the best student: it keeps 92.5 % of the teacher's macro-F1 with 4.1 M of its 22.7 M parameters, "
        "and gains 5.1 points (3.9 to 6.4) over the same model without transfer."
    )
    assert found[1].startswith("static keeps 75.0 %")


def test_a_gain_whose_interval_holds_0_is_not_claimed():
    (found,) = sentences(student("bilstm", 0.74, (0.004, -0.006, 0.013)))
    assert "a gain from transfer is not shown" in found
    assert "0.4 points (−0.6 to 1.3), has an interval that includes 0" in found


def test_a_loss_is_called_one():
    (found,) = sentences(student("bilstm", 0.74, (-0.02, -0.03, -0.01)))
    assert "transfer harms it: it scores 2.0 points (1.0 to 3.0) below the same model without it" in found


def test_who_loses_to_a_rival_is_named():
    weak, strong = student("static", 0.5, (0.02, 0.01, 0.03)), student("bilstm", 0.7, (0.02, 0.01, 0.03))
    *_, loses, beats = sentences(weak, strong, model("tfidf", "rival", 0.6), model("vader", "rival", 0.4))
    assert loses == "static (0.500) loses to tfidf (0.600)."
    assert beats == "Every student scores above vader (0.400)."


def test_a_teacher_below_a_rival_is_named_too():
    *_, found = sentences(student("bilstm", 0.7, (0.02, 0.01, 0.03)), model("tfidf", "rival", 0.9))
    assert found == "The teacher (0.800) and bilstm (0.700) lose to tfidf (0.900)."


def test_a_rival_that_does_not_apply_says_why():
    rival = ModelResult("rivals/vader", "vader", "rival", {"applicable": 0, "reason": "no sentiment"}, NOTHING)
    *_, found = sentences(student("bilstm", 0.7, (0.02, 0.01, 0.03)), rival)
    assert found == "vader does not apply: no sentiment."
