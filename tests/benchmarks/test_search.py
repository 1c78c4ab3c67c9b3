"""A search: its spaces, its trials, its table, and an experiment that adds a setting."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.experiments import find_experiments, read_metrics
from benchmarks.search import Outcome, Plan, build_table, check_search, how_to_take, main, make_plan
from benchmarks.space import Choice, Range, draw_trials, parse_space
from pipeline.errors import GraftError
from pipeline.params import load_params
from tests.benchmarks.test_ablation import git
from tests.closure import ROOT

RATES = "finetune.learning_rate=log(1e-5..1e-4)"
LAYERS = "teachers.minilm.tuning.frozen_layers=choice(0, 2, null)"
WIDTHS = "students.bilstm.config.hidden_size=choice(64,128)"

DVC_YAML = """
stages:
  finetune:
    foreach: ${teachers}
    do:
      cmd: python3 stage.py ${key}
      params: [finetune, "teachers.${key}"]
      deps: [stage.py]
      outs: ["models/teacher/${key}"]
"""
STAGE = """
import json, pathlib
from ruamel.yaml import YAML
tuning = YAML(typ="safe").load(open("params.yaml"))["teachers"]["minilm"].get("tuning", {})
decay = tuning.get("layer_decay", 1.0)
folder = pathlib.Path("models/teacher/minilm")
folder.mkdir(parents=True)
(folder / "training.json").write_text(json.dumps({"best_validation_macro_f1": decay / 2, "best_step": 7}))
"""


def test_spaces_are_read() -> None:
    assert parse_space([RATES, LAYERS, "a.b=int(1..4)"]) == {
        "finetune.learning_rate": Range("log", 1e-5, 1e-4),
        "teachers.minilm.tuning.frozen_layers": Choice((0, 2, None)),
        "a.b": Range("int", 1, 4),
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.b=64"], "'a.b=64' is no part of a space; write KEY=choice"),
        (["a.b=log(0..1)"], "no range that rises above 0"),
        (["a.b=uniform(2..1)"], "no range that rises; write KEY=uniform"),
        (["a.b=int(1..2.5)"], "no range that rises of whole numbers"),
        (["a.b=log(1,2)"], "has no range; write KEY=log"),
        (["a.b=choice([)"], "lists no values"),
        (["a.b=choice(1)", "a.b=choice(2)"], "a.b is given twice"),
    ],
)
def test_what_is_no_space_gets_one_line(words: list[str], message: str) -> None:
    with pytest.raises(GraftError, match=message) as caught:
        parse_space(words)
    assert "\n" not in str(caught.value)


def test_choices_alone_make_a_grid() -> None:
    space = parse_space(["a=choice(1,2)", "b=choice(x,y)"])
    grid = draw_trials(space, None, 0)
    assert grid == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}, {"a": 2, "b": "y"}]
    some = draw_trials(space, 3, 1)
    assert len(some) == 3
    assert some[:2] == draw_trials(space, 2, 1)
    assert all(each in grid for each in some)


def test_ranges_are_drawn_and_more_trials_only_add() -> None:
    space = parse_space([RATES, "b=uniform(0.1..0.3)", "c=int(1..3)"])
    drawn = draw_trials(space, 200, 5)
    assert drawn[:20] == draw_trials(space, 20, 5) != draw_trials(space, 20, 6)
    rates = sorted(trial["finetune.learning_rate"] for trial in drawn)
    assert 1e-5 <= rates[0] < rates[-1] <= 1e-4
    # Half of them lie below the geometric mean.
    assert rates[100] == pytest.approx(10**-4.5, rel=0.2)
    assert all(0.1 <= trial["b"] <= 0.3 for trial in drawn)
    assert {trial["c"] for trial in drawn} == {1, 2, 3}
    with pytest.raises(GraftError, match="give --trials"):
        draw_trials(space, None, 5)


def test_a_search_keeps_to_what_its_stage_alone_reads() -> None:
    params = load_params(ROOT / "params.yaml")
    assert check_search("finetune@minilm", [RATES, LAYERS], params) == "macro_f1"
    assert check_search("transfer@bilstm", [WIDTHS, "budget.learning_rate=log(1e-3..1e-2)"], params) == "macro_f1"
    for stage, words, message in [
        ("evaluate@bilstm", [WIDTHS], "'evaluate@bilstm' has no validation score; allowed: finetune@NAME"),
        ("finetune@bert", [RATES], "params.yaml has no teachers.bert"),
        ("finetune@minilm", ["prepare.test=choice(0.1)"], "prepare.test is not read by finetune@minilm alone"),
        ("control@bilstm", ["students.static.budget.steps=choice(9)"], "is not read by control@bilstm alone"),
        ("transfer@bilstm", ["teachers.minilm.seed=choice(1)"], "is not read by transfer@bilstm alone"),
        ("finetune@minilm", ["finetune.metric=choice(loss)"], "finetune.metric says what is measured"),
    ]:
        with pytest.raises(GraftError, match=message):
            check_search(stage, words, params)


def test_a_trial_s_name_changes_with_what_could_change_its_result() -> None:
    plans = [make_plan("finetune@minilm", trial, {"code": code}) for trial in ({}, {"a.b": 1}) for code in (b"1", b"2")]
    assert len({plan.name for plan in plans}) == 4
    assert plans[2].overrides == ["++a.b=1"]
    assert plans[2] == make_plan("finetune@minilm", {"a.b": 1}, {"code": b"1"})
    assert plans[0].name.startswith("search-finetune-minilm-")


def test_the_best_comes_first() -> None:
    plans = [Plan({}, [], "now"), Plan({"a.b": 2e-5}, [], "one"), Plan({"a.b": None}, [], "two")]
    outcomes = [Outcome(plan, score, 10) for plan, score in zip(plans, (0.5, 0.7, 0.6), strict=True)]
    assert build_table(outcomes, "macro_f1").splitlines() == [
        "| trial | a.b | validation macro_f1 | best step |",
        "| --- | ---: | ---: | ---: |",
        "| one | 2e-05 | 0.700 | 10 |",
        "| two | None | 0.600 | 10 |",
        "| now | – | 0.500 | 10 |",
    ]
    for error in ("loss", "rmse"):
        assert build_table(outcomes, error).splitlines()[2].startswith("| now |")


def test_the_last_line_takes_the_best_over() -> None:
    trial = {"finetune.learning_rate": 2e-5, "a.b": [1, 2]}
    best = make_plan("finetune@minilm", trial, {})
    assert how_to_take(best).endswith("dvc exp run -S ++finetune.learning_rate=2e-05 -S '++a.b=[1,2]'")
    assert "as they stand" in how_to_take(make_plan("finetune@minilm", {}, {}))


@pytest.mark.slow
def test_trials_are_run_once_and_one_that_fails_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    (tmp_path / "pipeline").mkdir()
    files = {"dvc.yaml": DVC_YAML, "stage.py": STAGE, "pipeline/code.py": "", ".gitignore": "/models\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], check=True)
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "one")
    words = ["search", "finetune@minilm", "teachers.minilm.tuning.layer_decay=choice(0.9)"]
    monkeypatch.setattr("sys.argv", words)
    main()
    said = capfd.readouterr().out
    assert "2 of 2 trials" in said
    assert [line.split(" | ", 1)[1] for line in said.splitlines()[4:6]] == ["– | 0.500 | 7 |", "0.9 | 0.450 | 7 |"]
    assert said.endswith("The settings of params.yaml as they stand are the best of these.\n")
    best = said.splitlines()[4].split()[1]
    assert read_metrics(best, find_experiments()[best], "models/teacher/minilm/training.json")["best_step"] == 7
    assert not (tmp_path / "models").exists()

    def fail(name: str, overrides: list[str], *_: object) -> None:
        assert overrides == ["++teachers.minilm.tuning.layer_decay=0.3"], "the others are finished"
        raise GraftError(f"the experiment {name} ended with status 1")

    monkeypatch.setattr("benchmarks.search.run_experiment", fail)
    monkeypatch.setattr("sys.argv", [*words[:2], words[2].replace("0.9", "0.9,0.3")])
    main()
    said, complaint = capfd.readouterr()
    assert "2 of 3 trials" in said
    assert "3 of 3: the experiment search-finetune-minilm-" in complaint
