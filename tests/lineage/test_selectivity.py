"""Nothing reruns for a setting that it does not read, and nothing is read that would not rerun it."""

from pathlib import Path

import pytest
from dvc.repo import Repo

from benchmarks.selectivity import Project, change_setting, group, measure, shorten
from tests.closure import ROOT
from tests.lineage.conftest import Tiny
from tests.selectivity import stages_for_code, stages_for_setting

pytestmark = pytest.mark.slow

# Sections that a stage is given whole for the names in them.
NAMES = {"teachers", "students", "rivals"}


def test_what_stages_read_is_what_they_declare(tiny: Tiny) -> None:
    with Repo(str(tiny.folder)) as repo:
        declared = {
            stage.name: {param for dep in stage.deps for param in getattr(dep, "params", None) or ()}
            for stage in repo.index.stages
        }
    assert set(declared) == set(tiny.reads)
    for stage, reads in tiny.reads.items():
        undeclared = {leaf for leaf in reads if not any(f"{leaf}.".startswith(f"{p}.") for p in declared[stage])}
        assert undeclared == set(), f"{stage} reads what would not rerun it"
        unread = {p for p in declared[stage] - NAMES if not any(f"{leaf}.".startswith(f"{p}.") for leaf in reads)}
        # VADER knows sentiment alone, which these labels are not; an architecture is read from the model's folder.
        allowed = {"evaluate", "rivals.vader"} if stage == "rival@vader" else set()
        assert {p for p in unread - allowed if not p.endswith(".architecture")} == set(), f"{stage} reruns for nothing"
    assert {"prepare.seed", "transfer_set.copies", "data.label"} <= tiny.reads["prepare"]
    assert {"budget", "students.static.config"} <= tiny.reads["control@static"]
    assert not any(leaf.startswith("transfer.") for leaf in tiny.reads["control@static"])


def test_edits_in_a_copy_rerun_what_is_expected(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.stale() == set()
    settings = ["students.static.architecture", "teachers.minilm.seed", "evaluate.confidence"]
    code = ["pipeline/errors.py", "pipeline/models/static.py", "pipeline/why.py", "pipeline/report/templates/style.css"]
    found = measure(project, settings, code)
    assert {leaf: found[leaf] for leaf in settings} == {
        leaf: stages_for_setting(leaf, project.params) for leaf in settings
    }
    assert {path: found[path] for path in code} == {path: stages_for_code(path, project.params) for path in code}
    assert found["pipeline/why.py"] == set()
    assert len(found["pipeline/errors.py"]) == 37
    assert project.stale() == set(), "each edit is taken back"


def test_the_table_is_short() -> None:
    params = {name: {"a": {}, "b": {}} for name in ("students", "teachers", "tokenizers", "pretrained", "rivals")}
    assert shorten({"transfer@a", "transfer@b", "control@a", "report"}, params) == "control@a, report, transfer@*"
    assert shorten([], params) == "none"
    found = {"x.a": {"p"}, "x.b": {"p"}, "y.a": {"p"}, "y.b": {"q"}, "z": {"q"}}
    assert group(found, params, ".") == [["`x.*`, `y.a`", "p"], ["`y.b`, `z`", "q"]]


def test_another_value_for_a_setting() -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    changed = change_setting(text, "teachers.minilm.seed")
    assert "another 13" in changed
    assert "more" in change_setting(text, "transfer_set.kinds")
