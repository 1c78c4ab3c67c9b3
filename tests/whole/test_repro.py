"""The whole pipeline on a table of one's own: a tiny slice, a tiny BERT, real DVC, no network."""

import json
import re
import sys
from importlib.metadata import version

import pandas as pd
import pytest

from pipeline.deployment.classifier import Classifier
from pipeline.evaluation.calibration import confidence_threshold, fit_temperature
from pipeline.params import load_params
from pipeline.task import softmax
from tests.project import SECRET, Project

pytestmark = pytest.mark.slow

MODELS = {"bilstm", "minibert", "static", "textcnn"}


def test_the_full_table(project: Project) -> None:
    report = (project.folder / "report/report.md").read_text(encoding="utf-8")
    for name in ("teacher", *MODELS, "tfidf", "vader"):
        assert name in report
    teacher = project.json("metrics/teacher.json")
    assert teacher["macro_f1"] > 0.8
    for name in MODELS:
        figures = project.json(f"metrics/{name}.json")
        control = project.json(f"metrics/controls/{name}.json")
        trained, untaught = (project.json(f"models/{kind}/{name}/training.json") for kind in ("students", "controls"))
        assert [trained[key] for key in ("steps", "parameters")] == [untaught[key] for key in ("steps", "parameters")]
        assert figures["retention"] == pytest.approx(figures["macro_f1"] / teacher["macro_f1"], abs=1e-5)
        assert figures["gain"] == pytest.approx(figures["macro_f1"] - control["macro_f1"], abs=1e-5)
        assert figures["gain_low"] <= figures["gain"] <= figures["gain_high"]
        assert figures["macro_f1_low"] <= figures["macro_f1"] <= figures["macro_f1_high"]
        assert list(figures) == sorted(figures)
        assert all(not isinstance(value, (dict, list)) for value in figures.values())


def test_every_kind_of_stage_ran_as_a_process_of_its_own(project: Project) -> None:
    """The others of its kind then start warm (``tests/warm.py``)."""
    stages = project.folder / "pipeline/stages"
    helpers = {"__init__", "entry", "pretrain", "round"}  # nothing is pretrained here, and no student teaches
    kinds = {f"pipeline.stages.{path.stem}" for path in stages.glob("*.py") if path.stem not in helpers}
    assert {path.name for path in (project.folder.parent / "bin/cold").iterdir()} == kinds


def test_students_start_from_their_teacher(project: Project) -> None:
    log = project.dvc("repro", "--force", "--single-item", "transfer@minibert", "transfer@static").stdout
    taken = {line.split("@")[1].split(":")[0]: line for line in log.splitlines() if "start from models/teacher" in line}
    # All of a transformer of the teacher's shapes; of `static` the embeddings, 16 values for each of 25 tokens.
    whole, of_all = (
        int(number.replace(",", "")) for number in re.findall(r"[\d,]+(?= of| weights)", taken["minibert"])
    )
    assert whole == of_all
    assert "400 of" in taken["static"]
    assert project.git("status", "--porcelain") == "", "the same weights again"


def test_only_what_is_published_lands_in_a_model(project: Project) -> None:
    for folder in ("teacher/minilm", "students/static", "controls/static"):
        names = {path.name for path in (project.folder / "models" / folder).iterdir()}
        wanted = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
        assert names == wanted | {"curve.csv", "training.json"}


def test_a_control_has_its_own_dropout_and_its_student_has_not(project: Project) -> None:
    for name, own in (("students", 0.1), ("controls", 0.3)):
        assert project.json(f"models/{name}/bilstm/config.json")["dropout"] == own


def test_what_ships_says_what_was_trained(project: Project) -> None:
    for name in (*MODELS, "teacher/minilm"):
        figures = project.json(f"metrics/exports/{name}.json")
        assert figures["flips_fp32"] == 0
        assert figures["difference_fp32"] < 1e-4
        of = name.replace("/minilm", "")
        assert figures["macro_f1_pytorch"] == pytest.approx(project.json(f"metrics/{of}.json")["macro_f1"], abs=1e-5)
        folder = project.folder / "exports" / name
        said = project.call(sys.executable, str(folder / "predict.py"), "a great film")
        assert json.loads(said.stdout)["label"] == "good", said.stderr


def test_what_is_sure_is_said_by_the_numbers_that_are_read(project: Project) -> None:
    texts = pd.read_parquet(project.folder / "data/prepared/validation.parquet")
    labels = project.json("data/prepared/labels.json")["labels"]
    gold = texts["label"].map(labels.index).to_numpy()
    for name in (*MODELS, "teacher/minilm"):
        folder = project.folder / "exports" / name
        classifier = Classifier(folder)
        logits = classifier.logits(classifier.encode(texts["text"].tolist()))
        temperature = fit_temperature(logits, gold)
        assert classifier.temperature == pytest.approx(temperature, abs=2e-4)
        known = softmax(logits / temperature)
        accuracy = load_params(project.folder / "params.yaml").export.accuracy
        assert classifier.threshold == pytest.approx(confidence_threshold(known, gold, accuracy), abs=1e-4)


def test_nothing_reruns_and_nothing_is_left_to_commit(project: Project) -> None:
    assert project.repro() == set()
    assert project.git("status", "--porcelain") == ""
    status = project.dvc("status")
    assert "up to date" in status.stdout, status.stdout


def test_no_artifact_knows_where_it_was_made(project: Project) -> None:
    for root in (
        "models/teacher",
        "models/students",
        "models/controls",
        "data/tokenized",
        "exports",
        "metrics",
        "report",
    ):
        for path in (project.folder / root).rglob("*"):
            if path.suffix in {".json", ".md", ".html", ".csv"}:
                assert str(project.folder.parent) not in path.read_text(encoding="utf-8"), path


def test_each_stage_leaves_a_record_of_where_its_result_came_from(project: Project) -> None:
    stages = set(project.dvc("stage", "list", "--name-only").stdout.split())
    assert {path.stem for path in (project.folder / "provenance").iterdir()} == stages
    # No test of this module makes the teacher again.
    record = project.json("provenance/finetune@minilm.json")
    assert (record["threads"], record["processes"]) == (1, 1)
    assert record["libraries"]["torch"] == version("torch")
    assert record["commit"] is None, "there was no commit yet when it ran"
    project.dvc("repro", "--force", "--single-item", "report")
    assert project.json("provenance/report.json")["commit"] == project.git("rev-parse", "HEAD").strip()
    assert project.git("status", "--porcelain") == ""


def test_no_secret_reaches_a_log_or_a_file(project: Project) -> None:
    for path in project.folder.rglob("*"):
        if path.is_file() and path != project.folder / ".git/config":
            assert SECRET.encode() not in path.read_bytes(), path
    assert not [said for said in project.said if SECRET in said]
    assert SECRET in project.environment["HF_TOKEN"]


def test_dvc_draws_the_metrics_and_the_plots(project: Project) -> None:
    shown = project.dvc("metrics", "show", "--json")
    assert shown.returncode == 0
    tables = json.loads(shown.stdout)[""]["data"]
    assert {"metrics/teacher.json", "metrics/static.json", "metrics/controls/static.json"} <= set(tables)
    # Few figures, or nobody reads the table; those of labels and domains lie apart.
    assert max(len(table["data"]) for table in tables.values()) == 9
    assert "f1_good" in project.json("metrics/parts/static.json")
    plots = project.dvc("plots", "show", "--json")
    assert plots.returncode == 0, plots.stderr
    assert len(json.loads(plots.stdout)["data"]) >= 2
