"""What the page makes of predictions and settings, on small cases with known answers."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.comparison import figures
from pipeline.evaluation.predictions import prediction_frame
from pipeline.params import Params, load_params
from pipeline.report.charts.placing import Box, Placer, beside
from pipeline.report.data import data_tables
from pipeline.report.leads import lead_intervals
from pipeline.report.origin import ingredient_table, source_table
from pipeline.report.parts import domain_table, shades
from pipeline.report.results import Export, Kind, ModelResult, Results
from pipeline.report.sureness import calibration_table, diagrams, meaning
from pipeline.report.texts import LONGEST, disagreements, shared_errors, shorten
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.task import Task
from tests.conftest import one_label
from tests.report.conftest import PARAMS

LABELS = ["no", "yes"]
SUMMARY = {"splits": {"train": {"rows": 17708}}, "transfer_set": {"rows": 122407}}


def model(name: str, kind: Kind, yes: list[float], true: list[str], temperature: float = 1.0) -> ModelResult:
    shares = np.stack([1 - np.array(yes), np.array(yes)], axis=1)
    frame = prediction_frame([f"t{at}" for at in range(len(yes))], true, shares, one_label(*LABELS))
    exports = [Export(name, {"temperature": temperature}, "0" * 64)]
    return ModelResult(name, name, kind, {"macro_f1": 0.5}, frame, None, exports)


def results(teacher: list[float], student: list[float], true: list[str], params: Params | None = None) -> Results:
    models = [model("minilm", "teacher", teacher, true), model("bilstm", "student", student, true)]
    texts = {"id": [f"t{at}" for at in range(len(true))], "text": [f"text {at}" for at in range(len(true))]}
    frame = pd.DataFrame(texts | {"label": true, "domain": ["", *["tweets"] * (len(true) - 1)]})
    return Results(
        "",
        one_label(*LABELS),
        0.95,
        models,
        [],
        SUMMARY,
        {},
        params or load_params(Path(PARAMS)),
        {},
        frame,
        "ab" * 32,
        None,
    )


def test_fertility_is_tokens_for_a_word_and_domains_show_where_they_differ() -> None:
    def cuts(tokens: int, unknown: int, *domains: str) -> dict:
        group = {"texts": 1500, "words": 30000, "tokens": tokens, "tokens_unknown": unknown}
        return {"cuts": {"scripts": {"Latin": group}, "domains": dict.fromkeys(domains, group)}}

    split = {"rows": 1, "groups": 1, "labels": {}, "domains": {}}
    summary = {"rows_in": 1, "rows_kept": 1, "labels": [], "refused": {}, "refused_examples": {}, "leakage": {}}
    summary |= {
        "changed": {},
        "splits": dict.fromkeys(("train", "validation", "test"), split),
        "transfer_set": {"rows": 1, "kinds": {}},
    }
    *_, table = data_tables(summary, {"pieces": cuts(45000, 45, "all"), "words": cuts(30000, 600, "all")})
    assert table.headings == [
        "",
        "Texts",
        *(f"{n}: {w}" for n in ("pieces", "words") for w in ("tokens a word", "unknown")),
    ]
    assert "also in train" not in str(data_tables(summary, {"words": cuts(1, 1, "all")})[1].rows)
    shared = {"exact": 0, "loose": 0, "text_shared": 3, "text_pair_shared": 4}
    paired = summary | {"leakage": {"train_validation": shared, "train_test": shared, "validation_test": shared}}
    assert data_tables(paired, {"words": cuts(1, 1, "all")})[1].rows[-2:] == [
        ["First texts also in train", "–", "3", "3"],
        ["Second texts also in train", "–", "4", "4"],
    ]
    figures = ["1\u202f500", "1.50", "0.10\u00a0%", "1.00", "2.00\u00a0%"]
    assert table.rows == [["Script: Latin", *figures]]
    *_, table = data_tables(summary, {"pieces": cuts(45000, 45, "nyt", "tweets")})
    assert [row[0] for row in table.rows] == ["Script: Latin", "Domain: nyt", "Domain: tweets"]


def test_texts_come_the_surer_both_are_the_earlier():
    found = results([0.9, 0.2, 0.99, 0.4], [0.4, 0.9, 0.05, 0.3], ["yes", "yes", "no", "yes"])
    cases = disagreements(found)
    assert [case.id for case in cases] == ["t2", "t1", "t0"]
    first = cases[0]
    assert (first.text, first.label, first.domain) == ("text 2", "no", "tweets")
    assert first.text_pair is None
    found.texts["text_pair"] = [f"{'another text ' * 50}{row}" for row in range(4)]
    assert [case.text for case in disagreements(found)] == [case.text for case in cases]
    assert disagreements(found)[0].text_pair.startswith("another text another")
    assert disagreements(found)[0].text_pair.endswith(" …")
    assert [(each.label, each.is_right) for each in first.readings] == [("yes", False), ("no", True)]
    assert [each.confidence for each in first.readings] == pytest.approx([0.99, 0.95], abs=1e-5)
    assert [case.id for case in shared_errors(found)] == ["t3"]
    assert [case.id for case in disagreements(found, most=1)] == ["t2"]


def test_models_that_agree_and_are_right_leave_nothing_to_read():
    found = results([0.9, 0.1], [0.8, 0.2], ["yes", "no"])
    assert disagreements(found) == []
    assert shared_errors(found) == []


def test_the_page_says_what_the_threshold_was_chosen_for():
    assert meaning(0.9, None) == "from which on 90\u00a0% of the labels were right on validation"
    assert meaning(None, 0.95).startswith("which 95\u00a0% of the validation texts do")


def test_of_no_sure_labels_no_share_is_right():
    found = results([0.9], [0.1], ["yes"])
    figures = {"temperature": 1.0, "ece": 0.1, "ece_calibrated": 0.1, "threshold": 1.0, "coverage": 0.0}
    models = [dataclasses.replace(each, exports=[Export("it", figures, "")]) for each in found.models]
    table = calibration_table(dataclasses.replace(found, models=models))
    assert table is not None
    assert [row[-2:] for row in table.rows] == [["0\u00a0%", "–"]] * 2


def test_confidence_is_the_calibrated_one():
    found = results([0.9], [0.1], ["yes"])
    hot = [model("minilm", "teacher", [0.9], ["yes"], temperature=2.0), found.models[1]]
    (case,) = disagreements(dataclasses.replace(found, models=hot))
    assert case.readings[0].confidence == pytest.approx(0.75, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "length"), [("short", 5), ("word " * 100, None), ("x" * 1000, LONGEST + 2), ("x" * LONGEST, LONGEST)]
)
def test_long_texts_are_cut_between_words(text, length):
    cut = shorten(text)
    assert len(cut) <= LONGEST + 2
    assert length is None or len(cut) == length
    if length is None:
        assert cut.endswith("word …")


def test_a_diagram_shows_bins_before_and_after():
    found = results([0.9, 0.9, 0.2], [0.8, 0.8, 0.8], ["yes", "no", "no"])
    teacher, student = diagrams(found)
    assert teacher.before.texts.tolist() == [1, 2]
    assert teacher.before.accuracy.tolist() == [1.0, 0.5]
    assert student.before.accuracy == pytest.approx([1 / 3])
    assert teacher.after is not None
    two = dataclasses.replace(found.models[0], exports=list(found.models[0].exports) * 2)
    assert diagrams(dataclasses.replace(found, models=[two, found.models[1]]))[0].after is None


def test_the_lead_over_an_equal_student_holds_0_and_over_a_poor_one_does_not():
    true = ["yes", "no"] * 100
    right = [0.9 if label == "yes" else 0.1 for label in true]
    students = [model(name, "student", right, true) for name in ("a", "b")]
    students.append(dataclasses.replace(model("c", "student", [0.9] * 200, true), figures={"macro_f1": 0.1}))
    found = lead_intervals(students, students, one_label(*LABELS), EvaluateConfig(resamples=200))
    assert set(found) == {"b", "c"}
    assert found["b"] == (0.0, 0.0)
    assert found["c"][0] > 0.3


def test_a_domain_is_called_what_the_texts_call_it():
    found = results([0.9, 0.9, 0.2, 0.8], [0.8, 0.8, 0.8, 0.1], ["yes", "no", "no", "yes"])
    texts = found.texts.assign(domain=["新闻", "New York Times", "New York Times", None])
    # A control beside each student is what the page reads.
    control = dataclasses.replace(found.models[1], kind="control", key="controls/bilstm")
    models = [
        dataclasses.replace(each, figures=figures(each.predictions, found.task, texts["domain"], EvaluateConfig()))
        for each in (*found.models, control)
    ]
    table = domain_table(dataclasses.replace(found, texts=texts, models=models))
    assert table is not None
    assert table.headings[1:] == ["New York Times (2\u00a0texts)", "unknown (1\u00a0texts)", "新闻 (1\u00a0texts)"]
    assert table.rows[0][1:] == ["0.667", "1.000", "1.000"]


def test_shades_run_from_the_lowest_to_the_highest():
    assert shades([[0.2, None], [0.6, 0.4]]) == [[0.0, None], [1.0, pytest.approx(0.5)]]
    assert shades([[0.5, 0.5]]) == [[0.0, 0.0]]


def test_the_ingredients_are_those_of_the_settings():
    rows = {row[0]: row[1:] for row in ingredient_table(results([0.9], [0.1], ["yes"])).rows}
    assert rows["Weights start from"] == ["the teacher’s reading of each token, or its layers", "random"]
    assert rows["Learns from"] == ["logits_mse", "gold labels"]
    assert rows["Texts"] == ["122\u202f407, which need no labels", "17\u202f708, with labels"]
    params = load_params(Path(PARAMS))
    phases = [
        {"share": 1.0, "losses": [{"name": "representation"}]},
        {"share": 3.0, "losses": [{"name": "logits_kl", "weight": 0.5, "temperature": 2.0}, {"name": "gold"}]},
    ]
    transfer = type(params.transfer).model_validate({"warm_start": False, "phases": phases})
    other = results([0.9], [0.1], ["yes"], params.model_copy(update={"transfer": transfer}))
    rows = {row[0]: row[1:] for row in ingredient_table(other).rows}
    assert rows["Weights start from"] == ["random", "random"]
    assert rows["Learns from"][0].replace("\u00a0", " ") == (
        "25 % of the steps: representation; 75 % of the steps: logits_kl (weight 0.5, temperature 2.0) + gold"
    )


def test_sources_name_what_pins_them_and_no_folder_of_the_machine():
    rows = source_table(results([0.9], [0.1], ["yes"])).rows
    assert rows[1][0] == "Pretrained minilm"
    assert rows[1][2].startswith("sha256 ")
    assert rows[-1] == ["Test split", "1 texts", "sha256 abababababab"]
    params = load_params(Path(PARAMS))
    values = {"source": "file", "path": "/somewhere/private/reviews.csv", "text": "t", "label": "l"}
    raw = params.model_dump(exclude_unset=True) | {"data": values}
    other = results([0.9], [0.1], ["yes"], Params.model_validate(raw))
    assert source_table(other).rows[0] == ["Labelled texts", "reviews.csv", "dvc.lock"]


def test_a_label_goes_where_it_covers_nothing():
    placer = Placer(Box(0, 0, 400, 300))
    right, left, *_ = beside(200, 150, 10, (120, 180), "a name", 14)
    assert placer.place([right, left]) == right
    assert placer.place([right, left]) == left
    placer.block(Box(0, 100, 400, 200))
    above = placer.place(beside(200, 150, 10, (120, 210), "a name", 14))
    assert above.bottom >= 200


def test_a_label_stays_within_the_frame():
    placer = Placer(Box(0, 0, 400, 300))
    for x in (1, 399):
        for y in (1, 299):
            box = placer.place(beside(x, y, 8, (y - 20, y + 20), "a longer name", 14))
            assert box.left >= 0
            assert box.right <= 400


def test_numbers_are_shown_where_two_part_and_where_both_err_alike():
    task = Task("regression", ["stars"])
    true = [0.0, 0.0, 0.0, 0.0]

    def rated(name: str, kind: Kind, said: list[float]) -> ModelResult:
        frame = prediction_frame([f"t{at}" for at in range(4)], true, np.array(said)[:, None], task)
        return ModelResult(name, name, kind, {"pearson": 0.5}, frame, metric="pearson")

    shown = [rated("minilm", "teacher", [1.0, 2.0, -3.0, 0.0]), rated("static", "student", [1.5, -2.0, -2.0, 0.0])]
    texts = pd.DataFrame({"id": [f"t{at}" for at in range(4)], "text": "x", "label": true, "domain": ""})
    found = dataclasses.replace(results([0.5], [0.5], ["no"]), task=task, models=shown, texts=texts)
    assert [case.id for case in disagreements(found)] == ["t1", "t2", "t0"]
    # Of t1 one is too high and the other too low.
    assert [case.id for case in shared_errors(found)] == ["t2", "t0"]
    assert [reading.label for reading in shared_errors(found)[0].readings] == ["-3.00", "-2.00"]
