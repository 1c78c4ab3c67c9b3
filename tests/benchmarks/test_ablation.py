"""The ablation: its plans, its table, and experiments in a repository of their own."""

import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from benchmarks import ablation
from benchmarks.ablation import Figure, Plan, build_retention_table, build_table, choose_rows, make_plan, read_figures
from benchmarks.experiments import (
    check_tracked,
    check_unchanged,
    find_experiments,
    read_decisive,
    read_metrics,
    run_experiment,
    settled_workspace,
)
from benchmarks.grid import Row
from pipeline.errors import GraftError
from pipeline.evaluation.measures import measure_of
from pipeline.params import Params, load_params
from pipeline.settings.base import Kind
from pipeline.task import Task
from tests.closure import ROOT

CONTROL = Row("control", "control", {"transfer_set.copies": 0}, control=True)
LOGITS = Row("logits", "+ logits", {"transfer_set.copies": 0})

DVC_YAML = """
stages:
  evaluate:
    foreach: ${students}
    do:
      cmd: python3 stage.py ${key}
      params: [budget.seed]
      deps: [stage.py, data/unlabelled]
      metrics: ["metrics/${key}.json"]
"""
STAGE = """
import json, pathlib, sys
seed = [line for line in open("params.yaml") if line.strip().startswith("seed: 14")]
texts = sorted(path.name for path in pathlib.Path("data/unlabelled").iterdir())
pathlib.Path("metrics").mkdir(exist_ok=True)
pathlib.Path(f"metrics/{sys.argv[1]}.json").write_text(json.dumps({"seeds": len(seed), "texts": texts}))
"""

# DVC, stopped where it has written an experiment's settings into the workspace until a file says to go on.
PAUSED_DVC = """
import sys, time
from pathlib import Path
from dvc.cli import main
from dvc.repo.experiments.queue.base import BaseStashQueue
commit = BaseStashQueue._stash_commit_deps
def paused(*args, **kwargs):
    Path(".dvc/tmp/inside").touch()
    while not Path(".dvc/tmp/go-on").exists():
        time.sleep(0.05)
    return commit(*args, **kwargs)
BaseStashQueue._stash_commit_deps = paused
sys.exit(main(["exp", "run", "--queue", "--name", "other", "--set-param", "budget.seed=14"]))
"""


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=graft", "-c", "user.email=graft@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "code.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    return tmp_path


def test_a_plan_names_targets_settings_and_seed(repository: Path) -> None:
    control, logits = (make_plan(row, 14, ("bilstm", "static"), read_decisive()) for row in (CONTROL, LOGITS))
    assert control.targets == ["evaluate_control@bilstm", "evaluate_control@static"]
    assert logits.targets == ["evaluate@bilstm", "evaluate@static"]
    assert logits.overrides == ["transfer_set.copies=0", "budget.seed=14"]
    assert logits.name.startswith("ablation-logits-14-")


def test_a_plan_s_name_changes_with_what_could_change_its_result(repository: Path) -> None:
    def name_of(student: str) -> str:
        return make_plan(LOGITS, 14, (student,), read_decisive()).name

    name = name_of("bilstm")
    assert name_of("bilstm") == name
    assert name_of("static") != name
    (repository / "README.md").write_text("new\n", encoding="utf-8")
    assert name_of("bilstm") == name
    (repository / "pipeline" / "code.py").write_text("x = 2\n", encoding="utf-8")
    assert name_of("bilstm") != name


def test_code_unknown_to_git_is_refused(repository: Path) -> None:
    check_tracked()
    (repository / "pipeline" / "new.py").write_text("", encoding="utf-8")
    with pytest.raises(GraftError, match=r"pipeline/new.py is not known to git"):
        check_tracked()


def test_rows_are_chosen_by_name_in_their_order() -> None:
    assert choose_rows([CONTROL, LOGITS], None) == [CONTROL, LOGITS]
    assert choose_rows([CONTROL, LOGITS], ["logits", "control"]) == [CONTROL, LOGITS]
    with pytest.raises(GraftError, match="--rows has 'logit'; allowed: control, logits"):
        choose_rows([CONTROL, LOGITS], ["logit"])


def test_the_table_shows_what_there_is() -> None:
    figures = [
        Figure("control", 13, "bilstm", 0.60),
        Figure("control", 14, "bilstm", 0.62),
        Figure("logits", 13, "bilstm", 0.7),
    ]
    assert build_table([CONTROL, LOGITS], ["bilstm", "static"], figures, 2).splitlines()[2:] == [
        "| control | 0.610 ± 0.014 | – |",
        "| + logits | 0.700 (1 of 2) | – |",
    ]


@pytest.mark.parametrize(("task", "key"), [("multi_label", "macro_f1"), ("regression", "pearson")])
def test_the_score_is_what_the_task_is_measured_by(monkeypatch: pytest.MonkeyPatch, task: Kind, key: str) -> None:
    plan = Plan(LOGITS, 13, ("bilstm",), [], [], "ablation-logits-13-0")
    monkeypatch.setattr(ablation, "find_experiments", lambda: {plan.name: "commit"})
    monkeypatch.setattr(ablation, "read_metrics", lambda *_: {key: 0.7, "retention": 0.95, "gain_low": 0.061})
    found = read_figures([plan], measure_of(Task(task, [])).key)
    assert found == [Figure("logits", 13, "bilstm", 0.7, 0.95, 0.061)]


def test_retention_stands_with_the_lowest_bound_of_the_gain() -> None:
    figures = [
        Figure("logits", 13, "bilstm", 0.7, 0.95, 0.061),
        Figure("logits", 14, "bilstm", 0.71, 0.97, 0.04),
    ]
    assert build_retention_table([LOGITS], ["bilstm", "static"], figures, 2).splitlines()[2:] == [
        "| + logits | 0.960 ± 0.014, +4.0 | – |",
    ]


def experiment_repository(folder: Path) -> Params:
    """One stage a student that says which seed and which unlabelled files it saw."""
    for name, text in {"dvc.yaml": DVC_YAML, "stage.py": STAGE, "data/unlabelled/.gitkeep": ""}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / ".gitignore").write_text("/metrics\n/data/unlabelled/*\n!/data/unlabelled/.gitkeep\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], cwd=folder, check=True)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "one")
    (folder / "data" / "unlabelled" / "mine.txt").write_text("a text\n", encoding="utf-8")
    return load_params()


def test_an_edit_between_two_experiments_ends_the_run(repository: Path) -> None:
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], check=True)
    decisive = read_decisive()
    check_unchanged(decisive)
    (repository / "pipeline" / "code.py").write_text("x = 2\n", encoding="utf-8")
    with pytest.raises(GraftError, match=r"pipeline/code.py was edited since this run began"):
        check_unchanged(decisive)


def test_outside_of_a_dvc_repository_one_line_says_so(repository: Path) -> None:
    with pytest.raises(GraftError, match="is no DVC repository"), settled_workspace():
        pass


@pytest.mark.slow
def test_a_starting_experiment_does_not_disturb_the_names_of_others(repository: Path) -> None:
    experiment_repository(repository)
    (repository / "pipeline" / "code.py").write_text("x = 'not committed'\n", encoding="utf-8")
    before = read_decisive()
    inside, go_on = (repository / ".dvc" / "tmp" / name for name in ("inside", "go-on"))
    seen: list[dict[str, bytes]] = []

    def read() -> None:
        with settled_workspace():
            seen.append(read_decisive())

    with subprocess.Popen([sys.executable, "-c", PAUSED_DVC]) as starting:
        try:
            while not inside.exists():
                assert starting.poll() is None
            assert read_decisive()["params.yaml"] != before["params.yaml"], "DVC has changed the file for the moment"
            (repository / "stage.py").write_text("an edit of this very moment\n", encoding="utf-8")
            reader = Thread(target=read)
            reader.start()
            reader.join(timeout=1)
            assert reader.is_alive(), "it waits"
        finally:
            go_on.touch()
        reader.join()
    assert starting.returncode == 0
    assert seen == [before]
    assert (repository / "stage.py").read_text(encoding="utf-8") == STAGE, "that edit is lost, as docs/sharing.md warns"


@pytest.mark.slow
def test_an_experiment_is_run_found_and_read_beside_a_changed_workspace(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    params = experiment_repository(repository)
    with (repository / "params.yaml").open("a", encoding="utf-8") as stream:
        stream.write("# an edit that is not committed\n")
    before = (repository / "params.yaml").read_bytes()
    run_experiment("first", ["budget.seed=14"], ["evaluate@bilstm"], params)
    found = find_experiments()
    assert list(found) == ["first"]
    assert read_metrics("first", found["first"], "metrics/bilstm.json") == {
        "seeds": 1,
        "texts": [".gitkeep", "mine.txt"],
    }
    assert (repository / "params.yaml").read_bytes() == before
    assert not (repository / "metrics").exists()
    plain = [sys.executable, "-m", "dvc", "exp", "run", "--temp", "--name", "plain", "-S", "budget.seed=14"]
    subprocess.run([*plain, "evaluate@bilstm"], check=True)
    without = read_metrics("plain", find_experiments().pop("plain"), "metrics/bilstm.json")
    assert without["texts"] == [".gitkeep"], "DVC alone leaves behind what git ignores, as docs/sharing.md warns"
    with pytest.raises(GraftError, match=r"metrics/static.json of the experiment first"):
        read_metrics("first", found["first"], "metrics/static.json")
    (repository / "stage.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    with pytest.raises(GraftError, match="the experiment second ended with status"):
        run_experiment("second", ["budget.seed=15"], ["evaluate@bilstm"], params)
    assert set(find_experiments()) == {"first", "plain"}
