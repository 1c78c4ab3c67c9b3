"""The whole pipeline on a table of one's own: a tiny slice, a tiny BERT, real DVC, no network."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from ruamel.yaml import YAML
from transformers import DistilBertConfig, DistilBertModel

from pipeline.tokens.training import train_tokenizer
from tests.closure import ROOT
from tests.conftest import write_pretrained
from tests.project import SECRET, Project, small, write_reviews

pytestmark = pytest.mark.slow

MODELS = {"bilstm", "minibert", "static", "textcnn"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("whole") / "project"
    folder.mkdir()
    project = Project(folder)
    write_reviews(folder / "reviews.csv")
    write_pretrained(folder / "models/local/tiny")
    project.edit(small)
    ran = project.repro()
    assert len(ran) == 27, ran
    project.git("add", "-A")
    project.git("commit", "-qm", "run")
    return project


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


def test_students_start_from_their_teacher(project: Project) -> None:
    log = project.dvc("repro", "--force", "--single-item", "transfer@minibert", "transfer@static").stdout
    taken = {line.split("@")[1].split(":")[0]: line for line in log.splitlines() if "start from the teachers" in line}
    # All of a transformer of the teacher's shapes; of `static` the embeddings, 16 values for each of 25 tokens.
    whole, of_all = (
        int(number.replace(",", "")) for number in re.findall(r"[\d,]+(?= of| weights)", taken["minibert"])
    )
    assert whole == of_all
    assert "400 of" in taken["static"]
    assert project.git("status", "--porcelain") == "", "the same weights again"


def write_other_pretrained(folder: Path) -> None:
    """A DistilBERT with random weights that reads characters."""
    torch.manual_seed(1)
    tokenizer = train_tokenizer(["abcdefghijklmnopqrstuvwxyz, 0123456789"] * 2, "characters", 100, lowercase=True)
    config = DistilBertConfig(
        vocab_size=len(tokenizer), dim=24, n_layers=1, n_heads=2, hidden_dim=48, max_position_embeddings=128
    )
    DistilBertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def test_two_kinds_of_teachers_token_states_and_unlabelled_text_from_end_to_end(project: Project) -> None:
    write_other_pretrained(project.folder / "models/local/other")
    lines = [f"the story number {at} was so very fine" for at in range(30)]
    (project.folder / "data/unlabelled/texts.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    losses = [{"name": "token_states"}, {"name": "representation"}, {"name": "relations"}]
    phases = [{"share": 1.0, "losses": losses}, {"share": 1.0, "losses": [{"name": "logits_mse"}]}]

    def change(values: Any) -> None:
        values["transfer"]["phases"] = phases
        values["pretrained"]["other"] = {"source": "folder", "path": "models/local/other"}
        values["tokenizers"]["other"] = {"source": "models/pretrained/other", "max_length": 96}
        values["teachers"]["other"] = {"pretrained": "other", "tokenizer": "other", "seed": 3}
        values["teach"].update(token_states=8, shard_texts=100)
        values["transfer_set"]["copies"] = 1

    project.edit(change)
    ran = project.repro()
    assert {"prepare", "finetune@other", "teach@minilm", "teach@other", "transfer@static"} <= ran
    assert not {"finetune@minilm", "control@static"} & ran, "what reads neither the set nor the signals does not rerun"
    kinds = project.json("data/prepared/summary.json")["transfer_set"]["kinds"]
    assert kinds["unlabelled"] == 30
    (project.folder / "data/unlabelled/texts.txt").unlink()
    project.git("checkout", "-q", "params.yaml", "dvc.lock")
    assert project.dvc("checkout").returncode == 0
    assert not list((project.folder / ".checkpoints").rglob("*.npy")), "finished work leaves no checkpoint behind"


def test_a_killed_teach_goes_on_after_its_last_shard(project: Project) -> None:
    project.edit(lambda values: values["teach"].update(shard_texts=40))
    command = [sys.executable, "-m", "pipeline.stages.teach", "minilm"]
    with subprocess.Popen(command, cwd=project.folder, env=project.environment, stderr=subprocess.DEVNULL) as process:
        while not list((project.folder / ".checkpoints").glob("teach@minilm/*/*040/logits.npy")):
            assert process.poll() is None, "it ended before it could be killed"
        process.kill()
    before = (project.folder / "signals/minilm/logits.npy").read_bytes()
    done = project.call(*command)
    assert re.search(r"teach@minilm: .* [1-9][\d,]* from an earlier run", done.stdout), done.stdout + done.stderr
    whole = project.folder / "signals/minilm/logits.npy"
    once = whole.read_bytes()
    again = project.call(*command)
    assert "; 0 from an earlier run" in again.stdout
    assert whole.read_bytes() == once
    assert len(before) == len(once)
    project.git("checkout", "-q", "params.yaml")
    assert project.dvc("checkout", "--force").returncode == 0


def test_only_what_is_published_lands_in_a_model(project: Project) -> None:
    for folder in ("teacher/minilm", "students/static", "controls/static"):
        names = {path.name for path in (project.folder / "models" / folder).iterdir()}
        wanted = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
        assert names == wanted | {"curve.csv", "training.json"}


def test_a_control_has_its_own_dropout_and_its_student_has_not(project: Project) -> None:
    for name, own in (("students", 0.1), ("controls", 0.3)):
        assert project.json(f"models/{name}/bilstm/config.json")["dropout"] == own


def test_nothing_reruns_and_nothing_is_left_to_commit(project: Project) -> None:
    assert project.repro() == set()
    assert project.git("status", "--porcelain") == ""
    status = project.dvc("status")
    assert "up to date" in status.stdout, status.stdout


def test_no_artifact_knows_where_it_was_made(project: Project) -> None:
    for root in ("models/teacher", "models/students", "models/controls", "data/tokenized", "metrics", "report"):
        for path in (project.folder / root).rglob("*"):
            if path.suffix in {".json", ".md", ".html", ".csv"}:
                assert str(project.folder.parent) not in path.read_text(encoding="utf-8"), path


def test_each_stage_leaves_a_record_of_where_its_result_came_from(project: Project) -> None:
    stages = set(project.dvc("stage", "list", "--name-only").stdout.split())
    # Those of stages that an earlier test took away again stay.
    assert {path.stem for path in (project.folder / "provenance").iterdir()} >= stages
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


def test_comments_and_order_rerun_nothing(project: Project) -> None:
    path = project.folder / "params.yaml"
    before = path.read_text()
    path.write_text("# a comment\n" + before)
    project.edit(lambda values: values.update(finetune=dict(reversed(list(values["finetune"].items())))))
    assert path.read_text() != before
    assert project.repro() == set()
    project.git("checkout", "-q", "params.yaml")


def test_one_students_width_reruns_that_student_alone(project: Project) -> None:
    project.edit(lambda values: values["students"]["static"]["config"].update(hidden_size=12))
    ran = project.repro()
    assert ran == {"transfer@static", "control@static", "evaluate_control@static", "evaluate@static", "report"}
    project.git("checkout", "-q", "params.yaml", "dvc.lock")
    assert project.dvc("checkout").returncode == 0


def test_a_new_student_is_the_file_and_the_entry_that_contributing_shows(project: Project) -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code, entry = re.search(r"```python\n(.*?)```.*?```yaml\n(.*?)```", guide, re.DOTALL).groups()
    (project.folder / "pipeline/models/mean.py").write_text(code, encoding="utf-8")
    student = YAML().load(entry)["mean"]
    own = {"source": "data/prepared/transfer.parquet", "kind": "bpe", "vocabulary": 400, "max_length": 12}

    def change(values: Any) -> None:
        values["tokenizers"]["own"] = own
        values["students"].update(mean=student, meanown={**student, "tokenizer": "own"})

    project.edit(change)
    stages = ("transfer", "control", "evaluate_control", "evaluate")
    trained = {f"{stage}@{name}" for stage in stages for name in ("mean", "meanown")}
    assert project.repro() == {"tokenize@own", "vocabulary@own", *trained, "report"}
    assert "meanown" in (project.folder / "report/report.md").read_text(encoding="utf-8")
    (project.folder / "pipeline/models/mean.py").unlink()
    project.git("checkout", "-q", "params.yaml", "dvc.lock")
    assert project.dvc("checkout").returncode == 0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("budget.steps=many", "budget.steps is 'many': input should be a valid integer"),
        ("+budget.stesp=3", "budget.stesp is not a setting"),
        ("finetune.learning_rate=-1e-5", "finetune.learning_rate is -1e-05: input should be greater than 0"),
    ],
)
def test_an_experiment_with_a_slip_ends_before_any_work(project: Project, setting: str, message: str) -> None:
    done = project.dvc("exp", "run", "--set-param", setting)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    project.git("checkout", "-q", ".")
    assert project.dvc("checkout").returncode == 0


def test_an_experiment_takes_a_number_in_scientific_notation(project: Project) -> None:
    done = project.dvc("exp", "run", "--set-param", "+students.static.budget={learning_rate:5e-3}")
    assert done.returncode == 0, done.stdout + done.stderr
    ran = {line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")}
    assert "transfer@static" in ran
    assert "finetune@minilm" not in ran
    project.git("checkout", "-q", ".")
    assert project.dvc("checkout").returncode == 0


def test_dvc_draws_the_metrics_and_the_plots(project: Project) -> None:
    shown = project.dvc("metrics", "show", "--json")
    assert shown.returncode == 0
    assert {"metrics/teacher.json", "metrics/static.json", "metrics/controls/static.json"} <= set(
        json.loads(shown.stdout)[""]["data"]
    )
    plots = project.dvc("plots", "show", "--json")
    assert plots.returncode == 0, plots.stderr
    assert len(json.loads(plots.stdout)["data"]) >= 2
