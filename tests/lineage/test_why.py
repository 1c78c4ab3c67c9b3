"""``python -m pipeline.why``: what it says will rerun is what DVC would run, and each reason is the edit's own."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from dvc.repo import Repo

from pipeline.errors import GraftError
from pipeline.lineage.changes import StageChange, explain
from pipeline.lineage.settings import flatten, iter_changes
from pipeline.why import find_changes, render
from tests.lineage.conftest import Tiny
from tests.selectivity import OF_ONE_STUDENT

pytestmark = pytest.mark.slow

Edit = Callable[[str, Callable[[str], str] | None], None]
STUDENTS = ("bilstm", "minibert", "static", "textcnn")


def setting(old: str, new: str) -> tuple[str, Callable[[str], str]]:
    def change(text: str) -> str:
        assert text.count(old) == 1, old
        return text.replace(old, new)

    return "params.yaml", change


def comment(name: str) -> tuple[str, Callable[[str], str]]:
    return name, lambda text: text + "\n# a comment\n"


def each(*stages: str) -> set[str]:
    return {f"{stage}@{name}" for stage in stages for name in STUDENTS}


EVALUATIONS = {"evaluate_teacher", *each("evaluate", "evaluate_control")}
# Groups of edits; of each the stages that rerun for a reason of their own, and the reason as it is worded.
EDITS = {
    "nothing that counts": [
        (comment("params.yaml"), set(), ""),
        (("dvc.yaml", lambda text: text.replace("pipeline.stages.report", "pipeline.stages.report ")), set(), ""),
    ],
    "settings": [
        (setting("resamples: 200", "resamples: 300"), EVALUATIONS | {"rival@tfidf", "rival@vader"},
         "setting evaluate.resamples: 200 -> 300"),
        (setting("weight: 1.0}", "weight: 2.0}"), each("transfer"),
         "setting transfer.phases[0].losses[0].weight: 1.0 -> 2.0"),
        (setting("hidden_size: 8", "hidden_size: 9"), {"transfer@bilstm", "control@bilstm", "report"},
         "setting students.bilstm.config.hidden_size: 8 -> 9"),
    ],
    "settings of the text": [
        (setting("[cut, mask, splice]", "[cut, mask]"), {"prepare"},
         'setting transfer_set.kinds: ["cut", "mask", "splice"] -> ["cut", "mask"]'),
        (setting("  copies: 2", "  encoding: utf-8\n  copies: 2"), {"prepare"},
         'setting transfer_set.encoding: "utf-8" was added'),
    ],
    "files": [
        (comment("pipeline/text/splitting.py"), {"prepare"}, "pipeline/text/splitting.py changed"),
        (comment("pipeline/models/textcnn.py"),
         {f"{stage}@textcnn" for stage in OF_ONE_STUDENT},
         "pipeline/models/textcnn.py changed"),
        (("reviews.csv", lambda text: text + "one more,good\n"), {"fetch"}, "reviews.csv changed"),
        (("data/unlabelled/more.txt", lambda _: "a text\n"), {"prepare"},
         "data/unlabelled: something in it changed (DVC keeps no list"),
        (("dvc.yaml", lambda text: text.replace("cmd: python3 -m pipeline.stages.rival",
                                                "cmd: python3 -B -m pipeline.stages.rival")),
         {"rival@tfidf", "rival@vader"}, "command: 'python3 -m pipeline.stages.rival vader' -> 'python3 -B -m"),
    ],
    "outputs": [
        (("data/raw/data.csv", lambda text: text + "one more,good\n"), {"fetch"},
         "output data/raw is not what the stage wrote"),
        (("data/raw/data.csv", lambda text: text + "one more,good\n"), {"prepare"}, "data/raw: data.csv changed"),
        (("models/teacher/minilm/more.txt", lambda _: "?"),
         {"finetune@minilm", "teach@minilm", "vocabulary@minilm", "evaluate_teacher", "export_teacher@minilm",
          "robustness_teacher",
          *each("transfer")},
         "models/teacher: minilm/more.txt added"),
        (("metrics/static.json", None), {"evaluate@static", "report"}, "output metrics/static.json is missing"),
        (("dvc.lock", lambda text: text.replace("  tokenize@minilm:\n", "  tokenized:\n")), {"tokenize@minilm"},
         "it has not run yet"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("group", EDITS)
def test_it_says_what_dvc_would_run_and_why(tiny: Tiny, edit: Edit, group: str) -> None:
    for (path, change), _, _ in EDITS[group]:
        if not (path == "metrics/static.json" and not (tiny.folder / path).exists()):
            edit(path, change)
    expected = set().union(*(stages for _, stages, _ in EDITS[group]))
    with contextlib.chdir(tiny.folder), Repo() as repo:
        changes = explain(repo)
        order = [stage.addressing for stage in repo.reproduce(dry=True)]
    reasons = {change.stage: change.reasons for change in changes if change.reasons}
    assert list(reasons) == order, "the same stages in the same order"
    assert set(reasons) == expected
    text = render(changes)
    for _, stages, reason in EDITS[group]:
        assert not stages or any(line.startswith(reason) for stage in stages for line in reasons[stage]), text
    followed = {change.stage for change in changes if not change.reasons}
    assert all(set(change.follows) & ({*reasons, *followed}) for change in changes if not change.reasons)
    if "prepare" in reasons:
        assert "fetch_model@minilm" not in followed
        assert "report" in followed | set(reasons)


def test_stages_by_name(tiny: Tiny, edit: Edit) -> None:
    edit(*setting("resamples: 200", "resamples: 300"))
    edit(*comment("pipeline/text/splitting.py"))
    with contextlib.chdir(tiny.folder):
        named = find_changes(["tokenize@minilm"])
        assert [(change.stage, change.follows) for change in named] == [
            ("prepare", ()),
            ("tokenize@minilm", ("prepare",)),
        ]
        with pytest.raises(GraftError, match="nowhere"):
            find_changes(["nowhere"])


def test_the_command_and_its_status(tiny: Tiny, edit: Edit) -> None:
    def why(*words: str) -> subprocess.CompletedProcess:
        return tiny.project.call(sys.executable, "-m", "pipeline.why", *words)

    done = why()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Nothing will rerun: no setting, no file and no command has changed.\n"
    edit(*setting("title:", "titel:"))
    done = why()
    assert done.returncode == 2
    assert (
        done.stderr
        == "graft: why: params.yaml: report.title is missing; the README lists the settings of each section\n"
    )
    edit("params.yaml", lambda text: re.sub("titel: .*", "title: another", text))
    done = why("report")
    assert done.returncode == 1
    assert "report will rerun:\n  setting report.title:" in done.stdout
    assert "1 of these stages will rerun; 0 follow" in done.stdout


def test_settings_are_told_apart_to_the_leaf() -> None:
    old = {"a": {"b": 1, "gone": None}, "c": [{"d": [1, 2]}], "e": {}}
    new = {"a": {"b": 1.0, "new": "é"}, "c": [{"d": [1]}, {"f": 0}], "e": {}}
    assert flatten(old) == {"a.b": 1, "a.gone": None, "c[0].d": [1, 2], "e": {}}
    assert list(iter_changes(old, new)) == [
        "a.gone: null was removed",
        "c[0].d: [1, 2] -> [1]",
        'a.new: "é" was added',
        "c[1].f: 0 was added",
    ]
    assert list(iter_changes("x" * 200, 1, "k")) == [f'k: "{"x" * 29}...{"x" * 29}" -> 1']


def test_many_stages_before_one_are_counted() -> None:
    changes = [StageChange("a", ("x changed",), ()), StageChange("z", (), ("a", "b", "c", "d", "e"))]
    assert "z follows a, b, c and 2 more" in render(changes)
