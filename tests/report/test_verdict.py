"""The sentences: which student to ship, when a gain is not shown, who loses to a rival, and what is not known."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from pipeline.params import load_params
from pipeline.report.results import Export, Kind, ModelResult, Results
from pipeline.report.verdict import Verdict, verdict
from pipeline.speed.record import ModelSpeed, Timing
from tests.conftest import one_label
from tests.report.conftest import PARAMS

NOTHING = pd.DataFrame({"label": [], "predicted": []})


def export(name: str, size: int, latency: float | None, lost: float = 0.0) -> Export:
    timing = Timing(p50_ms=latency or 1.0, p95_ms=1.0, texts_per_second=1.0, ratio=1.0, memory_mb=1.0)
    speed = ModelSpeed(digest="", fp32=timing, int8=timing) if latency else None
    scores = {"macro_f1_pytorch": 0.7, "macro_f1_fp32": 0.7, "macro_f1_int8": 0.7 - lost}
    return Export(name, {"bytes_int8": size, "bytes_fp32": 4 * size} | scores, "", speed)


def model(name: str, kind: Kind, macro_f1: float, *exports: Export, **figures) -> ModelResult:
    return ModelResult(name, name, kind, {"macro_f1": macro_f1, **figures}, NOTHING, None, exports, macro_f1)


def student(
    name: str, macro_f1: float, gain: tuple[float, float, float], size: int = 4_000_000,
    latency: float | None = None, lost: float = 0.0,
) -> ModelResult:  # fmt: skip
    middle, low, high = gain
    measured = {"retention": macro_f1 / 0.8, "gain": middle, "gain_low": low, "gain_high": high}
    return model(name, "student", macro_f1, export(name, size, latency, lost), **measured)


def decide(*models: ModelResult, latency: float | None = None, **more) -> Verdict:
    teacher = model("minilm", "teacher", 0.8, export("minilm", 20_000_000, latency))
    params = load_params(Path(PARAMS))
    found = verdict(
        Results("", one_label("a", "b"), 0.95, [teacher, *models], [], {}, {}, params, {}, NOTHING, "", **more)
    )

    def plain(text: str) -> str:
        return text.replace("\u00a0", " ")

    return Verdict(plain(found.headline), [*map(plain, found.others)], [*map(plain, found.caveats)], found.ships)


SURE, UNSURE = (0.02, 0.01, 0.03), (0.004, -0.006, 0.013)


def test_the_best_student_is_the_one_to_ship_and_the_sentence_says_why():
    best = student("bilstm", 0.74, (0.051, 0.039, 0.064), latency=2.0)
    found = decide(student("static", 0.6, SURE, size=21_000_000, latency=0.1), best, latency=8.0)
    assert found.headline == (
        "Ship bilstm: it keeps 92.5 % of the teacher’s macro-F1, is 4.0 times as fast and 5.0 times smaller, "
        "and gains 5.1 points (3.9 to 6.4) over the same model without transfer."
    )
    assert found.others == [
        "static keeps 75.0 % of the teacher’s macro-F1, is 80 times as fast and as large, "
        "and gains 2.0 points (1.0 to 3.0) from transfer."
    ]


def test_validation_says_which_student_is_the_best_whatever_the_test_split_says():
    lucky, chosen = student("lucky", 0.75, SURE), student("chosen", 0.74, SURE)
    found = decide(dataclasses.replace(lucky, validation=0.70), dataclasses.replace(chosen, validation=0.71))
    assert found.headline.startswith("Ship chosen: it keeps 92.5 %")
    assert found.others[0].startswith("lucky keeps 93.8 %")
    assert found.others_title == "The other students"


def test_a_student_that_is_slower_and_larger_is_called_so():
    found = decide(student("bilstm", 0.81, SURE, size=30_000_000, latency=16.0), latency=8.0)
    assert found.headline.startswith("Ship bilstm: ")
    assert "is 2.0 times as slow and 1.5 times larger" in found.headline


@pytest.mark.parametrize(("latency", "slower"), [(16.0, "2.0 times as slow and "), (None, "")])
def test_a_student_that_costs_more_than_its_teacher_for_less_is_not_shipped(latency: float | None, slower: str):
    found = decide(student("bilstm", 0.8, SURE, size=30_000_000, latency=latency), latency=8.0)
    assert found.headline == (
        "Ship no student: the teacher scores 0.800, and the best of them, bilstm, 0.800 "
        f"and is {slower}1.5 times larger."
    )
    assert not found.ships
    assert found.others[0].startswith("bilstm keeps 100.0 %")


def test_a_student_that_is_larger_but_faster_is_shipped():
    found = decide(student("bilstm", 0.74, SURE, size=30_000_000, latency=2.0), latency=8.0)
    assert found.headline.startswith("Ship bilstm: ")


def test_speed_that_was_not_measured_is_not_claimed():
    found = decide(student("bilstm", 0.74, SURE))
    assert "macro-F1, is 5.0 times smaller, and gains" in found.headline
    assert any("How fast these exports are has not been measured" in caveat for caveat in found.caveats)


def test_the_models_whose_speed_is_missing_are_named():
    timed, untimed = student("bilstm", 0.74, SURE, latency=2.0), student("static", 0.6, SURE)
    found = decide(timed, untimed, latency=8.0)
    assert "How fast static is, as exported now, has not been measured: `make benchmark` does." in found.caveats
    assert "times as fast" in found.headline
    assert "times as fast" not in found.others[0]
    caveats = decide(timed, untimed).caveats
    assert any(caveat.startswith("How fast the teacher and static are, as exported now") for caveat in caveats)


def test_a_student_that_another_outdoes_in_all_is_nobodys_choice():
    better = student("bilstm", 0.74, SURE, size=2_000_000, latency=1.0)
    found = decide(better, student("static", 0.6, SURE, latency=1.0), latency=8.0)
    assert found.others[0].endswith("from transfer; bilstm outdoes it in every respect.")
    assert "outdoes" not in decide(better, student("static", 0.6, SURE, latency=0.9), latency=8.0).others[0]
    # Of whom the speed is unknown nobody knows.
    assert "outdoes" not in decide(student("bilstm", 0.74, SURE), student("static", 0.6, SURE)).others[0]


def test_a_lead_that_is_not_shown_over_a_cheaper_student_is_named():
    best, cheap = student("bilstm", 0.74, SURE, latency=2.0), student("static", 0.73, SURE, latency=0.5)
    unshown = decide(best, cheap, latency=8.0, leads={"static": (-0.004, 0.021)}).caveats[0]
    assert unshown == (
        "bilstm is not shown to be better than static, which is 4.0 times as fast and as large: "
        "1.0 points (−0.4 to 2.1)."
    )
    for leads in ({"static": (0.001, 0.021)}, {}):
        assert not any("not shown" in each for each in decide(best, cheap, latency=8.0, leads=leads).caveats)
    dearer = student("static", 0.73, SURE, size=5_000_000, latency=3.0)
    assert not any("not shown" in each for each in decide(best, dearer, leads={"static": (-0.1, 0.1)}).caveats)


def test_a_gain_whose_interval_holds_0_is_not_claimed():
    found = decide(student("bilstm", 0.74, UNSURE)).headline
    assert found.startswith("Ship bilstm: it keeps 92.5 %")
    assert "but a gain from transfer is not shown" in found
    assert "0.4 points (−0.6 to 1.3), has an interval that includes 0" in found


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ({}, "scores 0.100, the teacher’s macro-F1 being 0.800"),
        ({"retention": -0.2}, "keeps nothing of the teacher’s macro-F1"),
    ],
)
def test_what_is_no_share_of_the_teacher_s_score_is_not_called_one(kept: dict, said: str):
    figures = {"gain": 0.02, "gain_low": 0.01, "gain_high": 0.03, **kept}
    found = decide(model("bilstm", "student", 0.1, export("bilstm", 4_000_000, None), **figures))
    assert found.headline.startswith(f"Ship bilstm: it {said}, is 5.0 times smaller")


def test_a_loss_is_called_one():
    found = decide(student("bilstm", 0.74, (-0.02, -0.03, -0.01))).headline
    assert found.startswith("Think twice before shipping bilstm: it keeps")
    assert "transfer harms it: it scores 2.0 points (1.0 to 3.0) below the same model without it" in found


def test_no_student_is_shipped_where_a_rival_reaches_the_best():
    found = decide(student("bilstm", 0.6, SURE), model("tfidf", "rival", 0.6), model("vader", "rival", 0.5))
    assert found.headline == (
        "Ship no student: tfidf, which is simpler, scores 0.600, and the best of them, bilstm, 0.600."
    )
    assert found.others[0].startswith("bilstm keeps 75.0 %")
    assert found.others_title == "The students"


def test_who_loses_to_a_rival_is_named():
    weak, strong = student("static", 0.5, SURE), student("bilstm", 0.7, SURE)
    caveats = decide(weak, strong, model("tfidf", "rival", 0.6), model("vader", "rival", 0.4)).caveats
    assert caveats[0] == "static (0.500) loses to tfidf (0.600)."
    assert caveats[1] == "Every student scores above vader (0.400)."


def test_a_teacher_below_a_rival_is_named_too():
    caveats = decide(student("bilstm", 0.7, SURE), model("tfidf", "rival", 0.9)).caveats
    assert caveats[0] == "The teacher (0.800) and bilstm (0.700) lose to tfidf (0.900)."


def test_a_rival_that_does_not_apply_says_why():
    rival = ModelResult("rivals/vader", "vader", "rival", {"applicable": 0, "reason": "no sentiment"}, NOTHING)
    assert decide(student("bilstm", 0.7, SURE), rival).caveats[0] == "vader does not apply: no sentiment."


def test_a_backtick_in_a_label_makes_nothing_code():
    reason = "VADER tells sentiment; the labels are a`b, <b>"
    rival = ModelResult("rivals/vader", "vader", "rival", {"applicable": 0, "reason": reason}, NOTHING)
    told = decide(student("bilstm", 0.7, SURE), rival).caveats[0]
    assert told == "vader does not apply: VADER tells sentiment; the labels are a'b, <b>."
    assert "`" not in told, "what stands between two of them is escaped by nobody"


def test_that_there_is_no_rival_is_said():
    told = "No simpler model stands beside these: params.yaml names none under rivals."
    assert decide(student("bilstm", 0.7, SURE)).caveats[0] == told
    assert told not in decide(student("bilstm", 0.7, SURE), model("tfidf", "rival", 0.6)).caveats


@pytest.mark.parametrize(("lost", "warned"), [(0.004, False), (0.005, False), (0.012, True), (-0.02, False)])
def test_an_int8_file_that_costs_more_than_half_a_point_is_warned_of(lost, warned):
    found = decide(student("bilstm", 0.7, SURE, lost=lost)).caveats
    expected = "The int8 file of bilstm scores 1.2 points below the model it was made of; its fp32 file has 16.0 MB"
    assert any(caveat.startswith(expected) for caveat in found) is warned


def test_the_chance_in_training_is_never_forgotten():
    assert "one seed" in decide(student("bilstm", 0.7, SURE)).caveats[-1]


def test_latency_of_several_teachers_is_known_only_if_all_are_measured():
    both = model("a + b", "teacher", 0.8, export("a", 10, 3.0), export("b", 20, 4.5))
    assert both.latency == 7.5
    assert both.bytes_int8 == 30
    assert dataclasses.replace(both, exports=[export("a", 10, 3.0), export("b", 20, None)]).latency is None


def test_how_far_a_rival_lies_behind_the_best_student_or_ahead_of_it():
    best, rival = student("bilstm", 0.7, SURE), model("tfidf", "rival", 0.6)
    behind = decide(best, rival, over_rivals={"tfidf": (0.08, 0.12)}).caveats
    assert any("tfidf (0.600, 10.0 points (8.0 to 12.0) below bilstm)" in sentence for sentence in behind)
    stronger = model("tfidf", "rival", 0.75)
    ahead = decide(best, stronger, over_rivals={"tfidf": (-0.07, -0.03)}).caveats
    assert any("tfidf (0.750, 5.0 points (3.0 to 7.0) above bilstm)" in sentence for sentence in ahead)
