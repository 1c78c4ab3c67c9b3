"""The DAG: what each stage depends on is what it reads, to the file and to the parameter."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from tests.closure import ROOT, closure, code_of, rewrite

STUDENTS = ("bilstm", "textcnn", "static", "minibert")
ALL_STUDENTS = {f"{stage}@{name}" for stage in ("transfer", "control") for name in STUDENTS}
EVALUATIONS = {"evaluate_teacher", *(f"{s}@{name}" for s in ("evaluate", "evaluate_control") for name in STUDENTS)}
RIVALS = {"rival@tfidf", "rival@vader"}


def of(name: str) -> set[str]:
    return {f"{stage}@{name}" for stage in ("transfer", "control")} | {"report"}


# Which stages a change of each parameter reruns directly; those after them rerun if their inputs then differ.
DIRECT = {
    "data": {"fetch", "prepare"},
    "prepare": {"prepare"},
    "transfer_set": {"prepare"},
    "pretrained.minilm": {"fetch_model@minilm"},
    "tokenizers.minilm": {"tokenize@minilm"},
    "finetune": {"finetune@minilm"},
    "teachers.minilm": {"finetune@minilm", "teach@minilm", "vocabulary@minilm", "evaluate_teacher", "report"}
    | {f"transfer@{name}" for name in STUDENTS},
    "teach": {"teach@minilm"},
    "budget": ALL_STUDENTS,
    "transfer": {f"transfer@{name}" for name in STUDENTS},
    "students.bilstm": of("bilstm"),
    "students.textcnn": of("textcnn"),
    "students.static": of("static"),
    "students.minibert": of("minibert"),
    "rivals.tfidf": {"rival@tfidf", "report"},
    "rivals.vader": {"rival@vader", "report"},
    "evaluate.confidence": EVALUATIONS | RIVALS | {"report"},
    "evaluate": EVALUATIONS | RIVALS,
    "report": {"report"},
}


@cache
def stages() -> dict[str, Any]:
    with Repo(str(ROOT)) as repo:
        return {stage.name: stage for stage in repo.index.stages}


def parameters(stage: Any) -> set[str]:
    return {name for dep in stage.deps for name in getattr(dep, "params", None) or ()}


def files(stage: Any) -> set[str]:
    return {Path(dep.fs_path).relative_to(ROOT).as_posix() for dep in stage.deps if not getattr(dep, "params", None)}


def leaves(values: Any, prefix: str = "") -> list[str]:
    if not isinstance(values, dict):
        return [prefix]
    return [leaf for key, value in values.items() for leaf in leaves(value, f"{prefix}.{key}" if prefix else key)]


def all_leaves() -> list[str]:
    return leaves(YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8")))


@pytest.mark.parametrize("leaf", all_leaves())
def test_exactly_these_stages_depend_on_a_parameter(leaf: str) -> None:
    expected = next(found for key, found in DIRECT.items() if leaf == key or leaf.startswith(f"{key}."))
    if leaf.startswith("students.") and leaf.endswith(".architecture"):
        # The architecture's file is a dependency of the stages that load the model, so its name is too.
        name = leaf.split(".")[1]
        expected = expected | {f"evaluate@{name}", f"evaluate_control@{name}"}
    actual = {
        name for name, stage in stages().items() if any(f"{leaf}.".startswith(f"{p}.") for p in parameters(stage))
    }
    assert actual == expected


def module_of(stage: Any) -> str:
    return stage.cmd.split()[2]


def test_code_dependencies_are_the_imports() -> None:
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    architecture = {name: student["architecture"] for name, student in values["students"].items()}
    for name, stage in stages().items():
        kind, _, student = name.partition("@")
        expected = code_of(kind, module_of(stage))
        if kind in ("transfer", "control", "evaluate", "evaluate_control"):
            expected.add(f"pipeline/models/{architecture[student]}.py")
        code = {path for path in files(stage) if path.startswith("pipeline/")}
        assert code == expected, f"{name}: run python -m tests.closure"


def test_the_closure_follows_imports_through_files() -> None:
    found = closure("pipeline.stages.transfer")
    assert {"pipeline/stages/transfer.py", "pipeline/transfer/losses.py", "pipeline/tokens/table.py"} <= found
    assert "pipeline/text/prepare.py" not in found


def test_the_closure_tool_leaves_a_right_file_alone() -> None:
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert rewrite(text) == text


def test_every_file_of_the_pipeline_belongs_to_some_stage() -> None:
    used = {path for stage in stages().values() for path in files(stage)}
    # These accept, refuse, serve or bring; they decide no output of the DAG.
    outside = {"pipeline/validation.py", "pipeline/predict.py", "pipeline/pull.py"}
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / "pipeline").rglob("*.py") if path.stat().st_size}
    assert found - used - outside == set()


def test_no_stage_imports_another() -> None:
    for stage in stages().values():
        module = module_of(stage)
        others = {path for path in closure(module) if path.startswith("pipeline/stages/")}
        assert others == {module.replace(".", "/") + ".py", "pipeline/stages/entry.py"}


def test_library_rooms_do_not_import_stages() -> None:
    for path in (ROOT / "pipeline").rglob("*.py"):
        if "stages" not in path.parts:
            assert "pipeline.stages" not in path.read_text(encoding="utf-8"), path


def test_commands_name_no_machine() -> None:
    for stage in stages().values():
        assert stage.cmd.startswith("python3 -m pipeline.stages.")
        assert "/" not in stage.cmd.replace("controls/", "")
        assert not any(word in stage.cmd for word in ("cuda", "cpu", "torchrun", "accelerate"))
