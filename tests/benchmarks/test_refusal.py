"""Refusal: intents are held out whole, measures have known answers, and the recipe runs on a slice."""

import json
import random
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from benchmarks import refusal
from benchmarks.refusal import Answers, at_threshold, auroc, by_score, false_positives, interval
from pipeline.errors import GraftError
from pipeline.fetching.vader import DOMAINS
from recipes.intents import scope
from recipes.intents.scope import KNOWN, UNKNOWN, draw_intents, write_scope
from tests.benchmarks.slices import settings, shrink_static
from tests.conftest import write_pretrained
from tests.project import Project
from tests.warm import Warm

INTENTS = {"praise": ["good", "great"], "blame": ["bad", "awful"], "film": ["film"], "book": ["book"], "so": ["so"]}
FAR = ["the senate votes on it", "a storm over the sea", "it is a tax"]
SCORES = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.5, 0.9]), min_size=1, max_size=30).map(np.array)


def write_questions(folder: Path, train: int = 40, test: int = 12) -> Path:
    chance = random.Random(0)

    def question(words: list[str], at: int) -> str:
        return " ".join([*chance.sample(["the", "a", "is", "was", "it", "not"], 4), chance.choice(words), str(at)])

    folder.mkdir(parents=True)
    for split, rows in {"train": train, "test": test}.items():
        table = [(question(words, at), intent) for intent, words in INTENTS.items() for at in range(rows)]
        pd.DataFrame(table, columns=["text", "label"]).to_csv(folder / f"{split}.csv", index=False)
    return folder


def test_far_texts_are_the_studys_each_once_and_the_same_ones_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def place(folder: Path) -> None:
        for domain in DOMAINS:
            lines = [f"{at}_1\t-0.5\t{domain} says {at}" for at in range(8)]
            (folder / f"{domain}.txt").write_text("\n".join([*lines, f"9_1\t1.0\t{domain} says 7"]), encoding="utf-8")

    monkeypatch.setattr(scope, "download_vader", place)
    monkeypatch.setattr(scope, "FAR_TEXTS", 20)
    found = scope.far_texts()
    assert len(set(found)) == len(found) == 20
    assert {text.split(" says ")[0] for text in found} <= set(DOMAINS)
    assert scope.far_texts() == found
    monkeypatch.setattr(scope, "FAR_TEXTS", 100)
    assert len(scope.far_texts()) == 8 * len(DOMAINS)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(scope, "far_texts", lambda: FAR)
    return write_questions(tmp_path / "questions")


def test_an_intent_is_held_out_whole_and_the_same_ones_each_time(data: Path, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_scope(data, tmp_path / folder, held_out=2)
    files = [KNOWN / "train.csv", KNOWN / "test.csv", UNKNOWN / "near.csv", UNKNOWN / "far.csv"]
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)
    train, test, near, far = (pd.read_csv(tmp_path / "one" / file) for file in files)
    held_out = set(draw_intents(INTENTS, 2))
    assert len(held_out) == 2
    assert set(near["label"]) == held_out
    assert set(train["label"]) == set(test["label"]) == set(INTENTS) - held_out
    assert (len(train), len(test), len(near)) == (3 * 40, 3 * 12, 2 * 12)
    assert far["text"].tolist() == FAR
    whole = pd.read_csv(data / "test.csv")
    assert sorted([*test["text"], *near["text"]]) == sorted(whole["text"])


def test_what_cannot_be_divided_gets_one_line(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GraftError, match="5 intents are too few to hold 27 of them out"):
        write_scope(data, tmp_path)
    (data / "test.csv").unlink()
    with pytest.raises(GraftError, match="holds no test table"):
        write_scope(data, tmp_path, held_out=2)
    assert not (tmp_path / KNOWN).exists()
    monkeypatch.setattr(sys, "argv", ["scope", str(data)])
    with pytest.raises(SystemExit, match=r"graft: intents: .* holds no test table; put train\.csv"):
        scope.main()


def test_measures_have_known_answers() -> None:
    known, outside = np.array([0.9, 0.8, 0.4, 0.3]), np.array([0.1, 0.2])
    assert (auroc(known, outside), false_positives(known, outside)) == (1, 0)
    assert auroc(outside, known) == 0
    assert false_positives(outside, known) == 1
    assert auroc(known, known) == 0.5
    # Of 20 known texts 19 must pass: the threshold lies at the second lowest, and one of four others reaches it.
    ladder = np.arange(20) / 20
    assert false_positives(ladder, np.array([0.0, 0.01, 0.04, 0.05])) == 0.25
    assert auroc(np.array([0.5, 0.5]), np.array([0.5, 0.1])) == 0.75


@given(known=SCORES, outside=SCORES)
def test_the_measures_are_what_their_definitions_say(known: np.ndarray, outside: np.ndarray) -> None:
    wins = (known[:, None] > outside).mean() + (known[:, None] == outside).mean() / 2
    assert auroc(known, outside) == pytest.approx(wins)
    passing = [each for each in known if (known >= each).mean() >= 0.95 - 1e-12]
    assert false_positives(known, outside) == pytest.approx((outside >= max(passing)).mean())


def test_an_interval_holds_its_value_and_narrows_with_the_texts() -> None:
    source = np.random.default_rng(0)
    few, many = source.random(100) < 0.3, source.random(10_000) < 0.3
    widths = []
    for sample in (few, many):
        low, high = interval(lambda rows: float(rows.mean()), sample)
        assert low < sample.mean() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 5
    # 1.96 standard deviations of a share of 0.3 each way.
    assert widths[1] == pytest.approx(2 * 1.96 * np.sqrt(0.3 * 0.7 / 10_000), rel=0.15)


def test_the_threshold_keeps_and_refuses() -> None:
    def said(confidence: list[float]) -> Answers:
        logits = np.log(np.stack([confidence, 1 - np.array(confidence)], axis=1))
        return Answers(np.array(confidence), np.zeros(len(confidence), int), logits)

    answers = {"known": said([0.9, 0.8, 0.7, 0.5]), "near": said([0.95, 0.5]), "far": said([0.55, 0.5, 0.51, 0.7])}
    cells = at_threshold(answers, np.array([True, True, False, False]), 0.7)
    assert [cell.split(" ")[0] for cell in cells] == ["50.0", "75.0", "66.7", "50.0", "75.0"]
    # Logits that are logarithms of probabilities rank the texts as these do.
    assert by_score(answers)[:2] == by_score(answers)[2:4]


@pytest.fixture
def project(data: Path, tmp_path: Path, warm: Warm) -> Project:
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project")
    write_scope(data, project.folder, held_out=2)
    write_pretrained(project.folder / "models/local/tiny")
    values = settings("intents")
    values["pretrained"]["minilm"] = {"source": "folder", "path": "models/local/tiny"}
    values["prepare"]["validation"] = 0.3
    shrink_static(values, epochs=12, steps=80)
    YAML().dump(values, project.folder / "params.yaml")
    project.put_first(warm.python3(tmp_path / "bin"))
    return project


@pytest.mark.long
def test_the_whole_of_it_on_a_slice(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = project.repro()
    assert {"finetune@minilm", "transfer@static", "export@static", "export_teacher@minilm", "report"} <= ran
    labels = project.json("exports/static/settings.json")["labels"]
    assert set(labels) == set(INTENTS) - set(draw_intents(INTENTS, 2))
    monkeypatch.setattr(refusal, "RESAMPLES", 50)
    printed = refusal.measure(project.folder)
    assert printed.startswith("Texts: 36 known, 24 near, 3 far.")
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith(("| teacher/minilm", "| static"))]
    assert len(rows) == 4 + 4 + 2
    right, kept = (float(rows[0][column].split(" ")[0]) for column in (2, 3))
    assert (right > 80, kept > 70) == (True, True), rows[0]
    # What a user sees: `sure` says whether the label's probability reaches the threshold.
    threshold = project.json("exports/static/settings.json")["threshold"]
    assert "95% of the validation texts do" in (project.folder / "exports/static/README.md").read_text()
    near = pd.read_csv(project.folder / UNKNOWN / "near.csv")["text"].tolist()
    said = project.call(sys.executable, "-m", "pipeline.predict", "exports/static", *near)
    answers = [json.loads(line) for line in said.stdout.splitlines()]
    assert len(answers) == len(near)
    for answer in answers:
        assert answer["sure"] == (max(answer["probabilities"].values()) >= threshold)
