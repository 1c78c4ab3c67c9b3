"""The DAG: what each stage depends on is what it reads, to the file and to the parameter."""

import shutil
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from tests.closure import ROOT, closure, code_of, rewrite
from tests.selectivity import OF_ONE_STUDENT, code_files, leaves, stages_for_code, stages_for_setting


@cache
def stages() -> dict[str, Any]:
    with Repo(str(ROOT)) as repo:
        return {stage.name: stage for stage in repo.index.stages}


def parameters(stage: Any) -> set[str]:
    return {name for dep in stage.deps for name in getattr(dep, "params", None) or ()}


def files(stage: Any) -> set[str]:
    return {Path(dep.fs_path).relative_to(ROOT).as_posix() for dep in stage.deps if not getattr(dep, "params", None)}


@cache
def params() -> dict[str, Any]:
    values: dict[str, Any] = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    return values


@pytest.mark.parametrize("leaf", leaves(params()))
def test_exactly_these_stages_depend_on_a_parameter(leaf: str) -> None:
    actual = {
        name for name, stage in stages().items() if any(f"{leaf}.".startswith(f"{p}.") for p in parameters(stage))
    }
    assert actual == stages_for_setting(leaf, params())
    assert actual


@pytest.mark.parametrize("path", code_files())
def test_exactly_these_stages_depend_on_a_code_file(path: str) -> None:
    actual = {name for name, stage in stages().items() if path in files(stage)}
    assert actual == stages_for_code(path, params())
    # These accept, refuse, compare, classify, measure or take down; they decide no output of the DAG.
    outside = {"validation.py", "predict.py", "serve.py", "benchmark.py", "why.py", "compare.py", "pull.py"}
    outside |= {"worker.py", "round.py"}
    # Nor do these, as long as params.yaml asks for no model to be pretrained here.
    outside |= {"masked.py", "masked_student.py", "pretrain.py"}
    rooms = ("lineage", "prediction", "serving", "pretraining", "distributed")
    outside |= {"rounds.py"} if Path(path).parts[1] == "speed" else set()
    assert bool(actual) != (Path(path).name in outside or Path(path).parts[1] in rooms)


def test_a_stage_can_read_the_sections_that_it_depends_on_and_no_others() -> None:
    sections: dict[str, set[str]] = {}
    for stage in stages().values():
        sections.setdefault(module_of(stage), set()).update(name.split(".")[0] for name in parameters(stage))
    # The report names every model, and so needs what the sections say of one another.
    assert set(params()) - sections.pop("pipeline.stages.report") <= {
        "prepare",
        "robustness",
        "text",
        "tokenizers",
        "transfer_set",
        "teach",
    }
    for module, depended in sections.items():
        assert set(import_module(module).Settings.model_fields) == depended, module


def module_of(stage: Any) -> str:
    return stage.cmd.split()[2]


def test_code_dependencies_are_the_imports() -> None:
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    architecture = {name: student["architecture"] for name, student in values["students"].items()}
    for name, stage in stages().items():
        kind, _, student = name.partition("@")
        expected = code_of(kind, module_of(stage))
        if kind in OF_ONE_STUDENT:
            expected.add(f"pipeline/models/{architecture[student]}.py")
        code = {path for path in files(stage) if path.startswith("pipeline/")}
        assert code == expected, f"{name}: run python -m tests.closure"


def test_a_model_that_is_pretrained_here_has_a_stage_of_its_own(tmp_path: Path) -> None:
    values = {**params(), "pretraining": {"ours": {"source": "models/pretrained/minilm", "tokenizer": "minilm"}}}
    YAML().dump(values, tmp_path / "params.yaml")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        (stage,) = (stage for stage in repo.index.stages if stage.name == "pretrain@ours")
        read = [Path(dep.fs_path) for dep in stage.deps if not getattr(dep, "params", None)]
        assert parameters(stage) == {"pretraining.ours"}
        assert [Path(out.fs_path).relative_to(tmp_path).as_posix() for out in stage.outs] == ["models/pretrained/ours"]
    expected = code_of("pretrain", "pipeline.stages.pretrain")
    expected |= {"models/pretrained/minilm", "data/tokenized/minilm/tokenizer", "data/prepared/transfer.parquet"}
    assert {path.relative_to(tmp_path).as_posix() for path in read} == expected, "run python -m tests.closure"


def test_a_round_waits_for_its_student_and_for_those_whom_it_joins(tmp_path: Path) -> None:
    joined = {"tokenizer": "minilm", "joins": "signals"}
    values = {**params(), "rounds": {"second": joined | {"student": "static"}}}
    values["rounds"]["third"] = joined | {"student": "textcnn", "joins": "rounds/second"}
    values["students"] = {
        **values["students"],
        "bilstm": values["students"]["bilstm"] | {"learns_from": "rounds/third"},
    }
    YAML().dump(values, tmp_path / "params.yaml")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        found = {stage.name: stage for stage in repo.index.stages}
        assert parameters(found["round@third"]) == {"rounds.third", "teach", "teachers"}
        assert set(import_module(module_of(found["round@third"])).Settings.model_fields) == {
            "rounds",
            "teach",
            "teachers",
        }
        read = {Path(dep.fs_path) for dep in found["round@third"].deps if not getattr(dep, "params", None)}
        before = {stage.name for stage in nx.descendants(repo.index.graph, found["transfer@bilstm"])}
    expected = code_of("round", "pipeline.stages.round")
    expected |= {"models/students/textcnn", "rounds/second", "data/tokenized/minilm/transfer.arrow"}
    assert {path.relative_to(tmp_path).as_posix() for path in read} == expected, "run python -m tests.closure"
    assert {"round@third", "round@second", "transfer@static", "transfer@textcnn", "teach@minilm"} <= before


def test_the_closure_follows_imports_through_files() -> None:
    found = closure("pipeline.stages.transfer")
    assert {"pipeline/stages/transfer.py", "pipeline/transfer/losses.py", "pipeline/tokens/table.py"} <= found
    assert "pipeline/text/prepare.py" not in found


def test_the_closure_tool_leaves_a_right_file_alone() -> None:
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    assert rewrite(text) == text


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
        assert "/" not in stage.cmd.replace("controls/", "").replace("teacher/", "")
        assert not any(word in stage.cmd for word in ("cuda", "cpu", "torchrun", "accelerate"))
