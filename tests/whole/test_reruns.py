"""What reruns when a setting, a file or a student changes: a tiny slice, a tiny BERT, real DVC."""

import re
import subprocess
import sys
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.closure import ROOT
from tests.project import Project

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_two_kinds_of_teachers_token_states_and_unlabelled_text_from_end_to_end(project: Project) -> None:
    """The second teacher is pretrained here: a DistilBERT that reads characters, begun and then gone on with.

    The student that reads as it does then teaches beside both.
    """
    lines = [f"the story number {at} was so very fine" for at in range(30)]
    (project.folder / "data/unlabelled/texts.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    losses = [{"name": "token_states"}, {"name": "representation"}, {"name": "relations"}]
    phases = [{"share": 1.0, "losses": losses}, {"share": 1.0, "losses": [{"name": "logits_mse"}]}]

    def change(values: Any) -> None:
        for name in ("minibert", "textcnn"):
            del values["students"][name]
        values["transfer"]["phases"] = phases
        texts = "data/prepared/transfer.parquet"
        values["tokenizers"]["letters"] = {"source": texts, "kind": "characters", "vocabulary": 64, "max_length": 96}
        sizes = {"dim": 24, "n_layers": 1, "n_heads": 2, "hidden_dim": 48, "max_position_embeddings": 128}
        bilstm = {"architecture": "bilstm", **values["students"]["bilstm"]["config"]}
        common = {"tokenizer": "letters", "steps": 12, "evaluations": 2, "batch_size": 8, "learning_rate": 0.01}
        values["pretraining"] = {
            "begun": common | {"source": texts, "config": {"model_type": "distilbert", **sizes}},
            "gone-on": common | {"source": "models/pretrained/begun", "masking": "spans"},
            "small": common | {"source": texts, "config": bilstm},
        }
        values["students"]["bilstm"].update(tokenizer="letters", start="models/pretrained/small")
        values["teachers"]["other"] = {"pretrained": "gone-on", "tokenizer": "letters", "seed": 3}
        values["rounds"] = {"second": {"student": "bilstm", "tokenizer": "letters", "joins": "signals"}}
        values["students"]["static"]["learns_from"] = "rounds/second"
        values["teach"].update(token_states=8, shard_texts=100)
        values["transfer_set"]["copies"] = 1

    project.edit(change)
    ran = project.repro()
    assert {
        "prepare",
        "pretrain@begun",
        "pretrain@gone-on",
        "pretrain@small",
        "finetune@other",
        "teach@minilm",
        "teach@other",
        "round@second",
        "transfer@static",
        "export_teacher@other",
    } <= ran
    assert not {"finetune@minilm", "rival@tfidf"} & ran, "what reads neither the set nor the signals does not rerun"
    # All that was pretrained of the student is what it starts from; its classifier, which is the task's, alone is new.
    (started,) = re.findall(
        r"transfer@bilstm: ([\d,]+) of ([\d,]+) weights start from models/pretrained/small", "\n".join(project.said)
    )
    taken, of_all = (int(number.replace(",", "")) for number in started)
    assert of_all - taken == (4 * 8 + 1) * 2
    begun, gone_on = (project.json(f"models/pretrained/{name}/training.json") for name in ("begun", "gone-on"))
    assert 0 < gone_on["bits_per_byte"] < begun["bits_per_byte"] < 8
    page = (project.folder / "report/index.html").read_text(encoding="utf-8")
    assert "from begun, in 12 steps" in page
    assert "from random weights, in 12 steps" in page
    assert "minilm + other + bilstm" in page
    kinds = project.json("data/prepared/summary.json")["transfer_set"]["kinds"]
    assert kinds["unlabelled"] == 30
    (project.folder / "data/unlabelled/texts.txt").unlink()
    project.git("checkout", "-q", "params.yaml", "dvc.lock")
    assert project.dvc("checkout").returncode == 0
    assert not list((project.folder / ".checkpoints").rglob("*.npy")), "finished work leaves no checkpoint behind"


@pytest.mark.long
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
    assert ran == {
        "transfer@static",
        "control@static",
        "evaluate_control@static",
        "evaluate@static",
        "robustness@static",
        "export@static",
        "report",
    }
    project.git("checkout", "-q", "params.yaml", "dvc.lock")
    assert project.dvc("checkout").returncode == 0


def test_a_new_student_is_the_file_and_the_entry_that_contributing_shows(project: Project) -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code, entry = re.search(r"```python\n(.*?)```.*?```yaml\n(.*?)```", guide, re.DOTALL).groups()
    (project.folder / "pipeline/models/mean.py").write_text(code, encoding="utf-8")
    student = YAML().load(entry)["mean"]
    project.edit(lambda values: values["students"].update(mean=student))
    stages = ("transfer", "control", "evaluate_control", "evaluate", "robustness", "export")
    assert project.repro() == {*(f"{stage}@mean" for stage in stages), "report"}
    assert "| mean | student |" in (project.folder / "report/report.md").read_text(encoding="utf-8")
    (project.folder / "pipeline/models/mean.py").unlink()
    project.git("checkout", "-q", "params.yaml", "dvc.lock")
    assert project.dvc("checkout").returncode == 0


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("budget.steps=many", "budget.steps is 'many': input should be a valid integer"),
        pytest.param("+budget.stesp=3", "budget.stesp is not a setting", marks=pytest.mark.long),
        pytest.param(
            "finetune.learning_rate=-1e-5",
            "finetune.learning_rate is -1e-05: input should be greater than 0",
            marks=pytest.mark.long,
        ),
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
    done = project.dvc("exp", "run", "transfer@static", "--set-param", "+students.static.budget={learning_rate:5e-3}")
    assert done.returncode == 0, done.stdout + done.stderr
    ran = {line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")}
    assert "transfer@static" in ran
    assert "finetune@minilm" not in ran
    project.git("checkout", "-q", ".")
    assert project.dvc("checkout").returncode == 0
