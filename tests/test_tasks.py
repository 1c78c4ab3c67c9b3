"""Every kind of task but the default's through the whole pipeline: tables of one's own, real DVC."""

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import expect

from benchmarks.serving import serve_exports
from pipeline.prediction.loading import load_classifier
from tests.browser import open_browser
from tests.conftest import write_pretrained
from tests.project import Project, small
from tests.warm import Warm

pytestmark = pytest.mark.slow

TOPICS = {"film": ["film", "plot"], "book": ["book", "story"], "praise": ["good", "great", "fine"]}
FILLER = ["the", "a", "is", "was", "not", "very", "it", "so", "and", "but"]
WORTH = {"great": 2.0, "good": 1.0, "fine": 0.5, "poor": -1.0, "bad": -1.5, "awful": -2.0}


def one_student(values: Any) -> None:
    small(values)
    values["students"] = {"static": values["students"]["static"]}
    values["students"]["static"]["start"] = "models/teacher"


def text_of(source: random.Random, words: list[str], number: int) -> str:
    found = [*(source.choice(FILLER) for _ in range(source.randint(3, 8))), *words]
    source.shuffle(found)
    return f"{' '.join(found)}, nr {number}"


def write_table(path: Path, label: str, row: Callable[[random.Random], tuple[list[str], str]]) -> None:
    """Write 300 reviews; ``row`` gives the telling words of one, and its label."""
    source = random.Random(0)
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["review", label])
        for number in range(300):
            words, cell = row(source)
            table.writerow([text_of(source, words, number), cell])


def write_topics(path: Path) -> None:
    def row(source: random.Random) -> tuple[list[str], str]:
        topics = [topic for topic in TOPICS if source.random() < 0.45]
        return [source.choice(TOPICS[topic]) for topic in topics], "; ".join(topics)

    write_table(path, "topics", row)


def write_ratings(path: Path) -> None:
    def row(source: random.Random) -> tuple[list[str], str]:
        words = [source.choice(list(WORTH)) for _ in range(2)]
        return words, f"{sum(WORTH[word] for word in words) + source.gauss(0, 0.2):.2f}"

    write_table(path, "stars", row)


def write_pairs(path: Path) -> None:
    """Write 300 pairs; whether both name the same thing is the label, of which one side alone says nothing."""
    source = random.Random(0)
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["question", "answer", "fits"])
        for number in range(300):
            asked, told = source.choice([("film", "film"), ("book", "book"), ("film", "book"), ("book", "film")])
            first, second = ([source.choice(FILLER), word] for word in (asked, told))
            source.shuffle(first)
            source.shuffle(second)
            table.writerow([f"{' '.join(first)} {number}", " ".join(second), "yes" if asked == told else "no"])


def build(warm: Warm, folder: Path, write: Callable[[Path], None], change: Callable[[Any], None]) -> Project:
    folder.mkdir()
    project = Project(folder)
    project.put_first(warm.python3(folder.parent / "bin"))
    write(folder / "reviews.csv")
    write_pretrained(folder / "models/local/tiny")
    project.edit(one_student)
    project.edit(change)
    project.repro()
    return project


@pytest.fixture(scope="module")
def topics(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Project:
    def change(values: Any) -> None:
        values["data"] |= {"label": "topics", "task": "multi_label", "separator": ";"}
        values["transfer"]["phases"] = [{"losses": [{"name": "logits_kl"}, {"name": "gold"}]}]

    return build(warm, tmp_path_factory.mktemp("topics") / "project", write_topics, change)


@pytest.fixture(scope="module")
def ratings(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Project:
    def change(values: Any) -> None:
        values["data"] |= {"label": "stars", "task": "regression"}
        values["rivals"]["bayes"] = {"kind": "naive_bayes"}
        for section in ("finetune", "budget"):
            values[section]["metric"] = "pearson"

    return build(warm, tmp_path_factory.mktemp("ratings") / "project", write_ratings, change)


@pytest.fixture(scope="module")
def pairs(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Project:
    def change(values: Any) -> None:
        values["data"] |= {"text": "question", "text_pair": "answer", "label": "fits"}
        values["finetune"].update(epochs=20, learning_rate=1e-2)
        values["budget"].update(steps=80)

    return build(warm, tmp_path_factory.mktemp("pairs") / "project", write_pairs, change)


def test_whether_two_texts_go_together(pairs: Project) -> None:
    for name in ("teacher", "static", "controls/static", "rivals/tfidf"):
        figures = pairs.json(f"metrics/{name}.json")
        assert figures["macro_f1_low"] > 0.6, f"{name} does not read both: {figures}"
    assert "two are read together" in pairs.json("metrics/rivals/vader.json")["reason"]
    noisy = pairs.json("metrics/robustness/static.json")
    assert noisy["macro_f1_homoglyphs"] < noisy["macro_f1_homoglyphs_policy"] == noisy["macro_f1"]
    transfer = pd.read_parquet(pairs.folder / "data/prepared/transfer.parquet")
    assert list(transfer.columns) == ["id", "text", "text_pair"]


def test_pairs_are_answered_alike_however_they_come(pairs: Project, tmp_path: Path) -> None:
    asked = [("the film", "a film"), ("the film", "a book"), ("so book", "very book")]
    answers = list(load_classifier(pairs.folder / "exports/static", "fp32").classify(asked))
    assert [answer["label"] for answer in answers] == ["yes", "no", "yes"]
    assert list(answers[0])[:3] == ["text", "text_pair", "label"]
    trained = load_classifier(pairs.folder / "models/students/static").classify(asked)
    assert [each["label"] for each in trained] == ["yes", "no", "yes"]
    for place in (["-m", "pipeline.predict", "exports/static"], ["exports/static/predict.py"]):
        done = pairs.call("python3", *place, *(text for pair in asked for text in pair))
        assert done.returncode == 0, done.stderr
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(each["text"], each["text_pair"], each["label"]) for each in found] == [
            (*pair, label) for pair, label in zip(asked, ["yes", "no", "yes"], strict=True)
        ]
    named = ("--input", "reviews.csv", "--column", "question", "--column-pair", "answer")
    done = pairs.call(
        "python3", "-m", "pipeline.predict", "exports/static", *named, "--output", str(tmp_path / "out.csv")
    )
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out.csv")
    assert (table["label"] == table["fits"]).mean() > 0.9


def test_the_report_shows_both_texts_of_a_pair(pairs: Project) -> None:
    page = (pairs.folder / "report/index.html").read_text(encoding="utf-8")
    assert "macro-F1" in page
    card = (pairs.folder / "exports/static/README.md").read_text(encoding="utf-8")
    assert "two arguments are one" in card


def test_any_number_of_labels(topics: Project) -> None:
    for name in ("teacher", "static", "rivals/tfidf"):
        assert topics.json(f"metrics/{name}.json")["macro_f1"] > 0.8, name
    figures, parts = topics.json("metrics/static.json"), topics.json("metrics/parts/static.json")
    assert figures["gain_low"] <= figures["gain"] <= figures["gain_high"]
    assert {"f1_film", "f1_book", "f1_praise"} <= set(parts)
    assert topics.json("metrics/rivals/vader.json")["applicable"] == 0
    predictions = pd.read_parquet(topics.folder / "predictions/static.parquet")
    said = [set(labels) for labels in predictions["predicted"]]
    assert {0, 1, 2} <= {len(labels) for labels in said}
    likely = [{name for name in TOPICS if row[f"p_{name}"] >= 0.5} for _, row in predictions.iterrows()]
    assert said == likely


def test_a_number(ratings: Project) -> None:
    for name in ("teacher", "static", "rivals/tfidf"):
        assert ratings.json(f"metrics/{name}.json")["pearson"] > 0.8, name
    figures = ratings.json("metrics/static.json")
    assert figures["gain_low"] <= figures["gain"] <= figures["gain_high"]
    assert figures["retention"] == pytest.approx(
        figures["pearson"] / ratings.json("metrics/teacher.json")["pearson"], abs=1e-5
    )
    assert ratings.json("metrics/rivals/vader.json")["pearson"] > 0.3
    assert "tells labels" in ratings.json("metrics/rivals/bayes.json")["reason"]


def test_what_is_shipped_answers_as_it_was_trained(topics: Project, ratings: Project) -> None:
    texts = ["the great plot of it", "so very", "an awful book"]
    for project, key in ((topics, "labels"), (ratings, "value")):
        shipped = load_classifier(project.folder / "exports/static", "fp32")
        trained = load_classifier(project.folder / "models/students/static")
        for one, other in zip(shipped.classify(texts), trained.classify(texts), strict=True):
            assert one[key] == (other[key] if key == "labels" else pytest.approx(other[key], abs=1e-3))
            assert one.get("probabilities", {}) == pytest.approx(other.get("probabilities", {}), abs=1e-3)
    first, second, _ = load_classifier(topics.folder / "exports/static").classify(texts)
    assert (first["labels"], second["labels"]) == (["film", "praise"], [])
    rated = load_classifier(ratings.folder / "exports/static").classify(["it was great great", "it was awful awful"])
    good, bad = (answer["value"] for answer in rated)
    assert bad < 0 < good


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_tables_are_answered_in_every_format(topics: Project, ratings: Project, tmp_path: Path, suffix: str) -> None:
    for project, names in ((topics, ["labels", "probability_book"]), (ratings, ["value", "refused"])):
        target = tmp_path / f"{names[0]}.{suffix}"
        command = (
            "python3",
            "-m",
            "pipeline.predict",
            "exports/static",
            "--input",
            "reviews.csv",
            "--column",
            "review",
        )
        done = project.call(*command, "--output", str(target))
        assert done.returncode == 0, done.stderr
        if suffix == "jsonl":
            first = json.loads(target.read_text(encoding="utf-8").splitlines()[0])
            assert ("labels" in first and "book" in first["probabilities"]) or "value" in first
            continue
        table = pd.read_csv(target) if suffix == "csv" else pd.read_parquet(target)
        assert len(table) == 300
        assert set(names) <= set(table.columns)
        if suffix == "parquet" and names[0] == "labels":
            likely = [{name for name in TOPICS if row[f"probability_{name}"] >= 0.5} for _, row in table.iterrows()]
            assert [set(labels) for labels in table["labels"]] == likely


def test_the_report_speaks_of_the_task(topics: Project, ratings: Project) -> None:
    pages = [(each.folder / "report/index.html").read_text(encoding="utf-8") for each in (topics, ratings)]
    notes = [(each.folder / "report/report.md").read_text(encoding="utf-8") for each in (topics, ratings)]
    assert "macro-F1" not in pages[1]
    assert "Pearson’s r" in pages[1]
    assert "All labels right" in notes[0]
    assert "Mean of stars" in notes[1]
    assert 'id="parts"' in pages[0]
    assert 'id="parts"' not in pages[1], "there are neither labels nor domains"
    for page in pages:
        assert 'id="confusions"' not in page
        assert 'id="calibration"' not in page
    for project in (topics, ratings):
        shown = project.dvc("plots", "show", "--json")
        assert shown.returncode == 0, shown.stderr
        assert len(json.loads(shown.stdout)["data"]) >= 1


def test_the_served_page_speaks_of_the_task(topics: Project, ratings: Project, tmp_path: Path) -> None:
    exports = [project.folder / "exports/static" for project in (topics, ratings)]
    headings = []
    with open_browser() as browser:
        for number, export in enumerate(exports):
            with serve_exports(tmp_path / f"log-{number}", export, "--threads", 1) as served:
                page = browser.new_page()
                page.goto(served.url)
                page.get_by_role("textbox").fill("a bad film, a bad, bad story")
                page.keyboard.press("Control+Enter")
                expect(page.get_by_role("status")).to_contain_text(": static.")
                headings.append(page.locator("#answers th").nth(1).text_content())
                expect(page.locator("#unsure")).to_be_hidden()
                said = page.get_by_role("status").text_content()
                answer = next(load_classifier(export).classify(["a bad film, a bad, bad story"]))
                if "value" in answer:
                    assert said == f"{answer['value']:.2f}: static.".replace("-", "−")
                else:
                    assert said == f"{', '.join(answer['labels']) or 'none'}: static."
    assert headings == ["Labels", "Answer"]
