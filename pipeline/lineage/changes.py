"""Why stages rerun: what DVC finds changed since each last ran, to the file in a folder and to the single setting."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro
from dvc.stage import Stage
from dvc_data.hashfile.build import build
from dvc_data.hashfile.diff import diff
from dvc_data.hashfile.tree import Tree

from pipeline.lineage.settings import iter_changes

# Files of a folder that are named before the rest is counted.
NAMED = 8

OUTPUTS = {
    "deleted": "is missing",
    "modified": "is not what the stage wrote",
    "not in cache": "is not in DVC's cache",
    "new": "is new among the outputs",
}


@dataclass(frozen=True)
class StageChange:
    """A stage that will rerun: for ``reasons`` of its own, or, if it has none, because it ``follows`` others."""

    stage: str
    reasons: tuple[str, ...]
    follows: tuple[str, ...]


def explain(repo: Repo, targets: Sequence[str] = ()) -> list[StageChange]:
    """Return the stages that ``dvc repro TARGETS`` will, or may, run, in the order in which it comes to them.

    Those with reasons are those that DVC finds changed now. A stage that only follows runs if what it reads then
    differs, which cannot be known before.
    """
    status = repo.status(list(targets) or None, with_deps=True)
    graph = get_active_graph(repo.index.graph)
    steps = plan_repro(graph, collect_stages(repo, targets or ["dvc.yaml"]))
    outputs = {out.fs_path: out for stage in steps for out in stage.outs}
    changes: dict[Stage, StageChange] = {}
    for stage in steps:
        before = tuple(other.addressing for other in graph.successors(stage) if other in changes)
        reasons = tuple(_iter_reasons(stage, status.get(stage.addressing, []), outputs))
        if reasons or before:
            changes[stage] = StageChange(stage.addressing, reasons, before)
    return list(changes.values())


def _iter_reasons(stage: Stage, entries: list[Any], outputs: dict[str, Any]) -> Iterator[str]:
    """Put into words what ``Repo.status`` says of one stage."""
    if entries and not any(each.hash_info for each in (*stage.deps, *stage.outs)):
        yield "it has not run yet: dvc.lock does not know it"
        return
    found = {str(dep): dep for dep in stage.deps}
    for entry in entries:
        if entry == "changed command":
            yield f"command: {stage.dvcfile.lockfile_contents['stages'][stage.name]['cmd']!r} -> {stage.cmd!r}"
        elif isinstance(entry, str):
            yield entry
        else:
            for name, state in entry.get("changed deps", {}).items():
                dep = found[name]
                yield from (
                    _iter_settings(dep, state)
                    if isinstance(dep, ParamsDependency)
                    else _iter_files(dep, name, state, outputs)
                )
            for name, state in entry.get("changed outs", {}).items():
                yield f"output {name} {OUTPUTS[state]}"


def _iter_settings(dep: ParamsDependency, state: Any) -> Iterator[str]:
    if isinstance(state, str):
        yield f"{dep} is missing" if state == "deleted" else f"{dep} is new among the dependencies"
        return
    old, new = dep.hash_info.value, dep.read_params()
    for key in state:
        if key not in new:
            yield f"setting {key} is missing from {dep}"
        elif key not in old:
            yield f"setting {key} is new among the dependencies"
        else:
            yield from (f"setting {line}" for line in iter_changes(old[key], new[key], key))


def _iter_files(dep: Any, name: str, state: str, outputs: dict[str, Any]) -> Iterator[str]:
    if state == "deleted":
        yield f"{name} is missing"
    elif not dep.hash_info:
        yield f"{name} is new among the dependencies"
    elif not dep.hash_info.isdir or not dep.fs.isdir(dep.fs_path):
        yield f"{name} changed"
    else:
        yield f"{name}: {_describe_folder(dep, outputs)}"


def _describe_folder(dep: Any, outputs: dict[str, Any]) -> str:
    before = dep.get_obj() or _assemble(dep, outputs)
    if before is None:
        return "something in it changed (DVC keeps no list of what was in a folder that no stage writes)"
    _, _, after = build(dep.cache, dep.fs_path, dep.fs, dep.hash_name, ignore=dep.dvcignore, dry_run=True)
    found = diff(before, after, dep.cache)
    changes = sorted(
        ("/".join(change.new.key or change.old.key), word)
        for word, group in (("added", found.added), ("changed", found.modified), ("missing", found.deleted))
        for change in group
        if (change.new.key or change.old.key) != ("",)
    )
    named = [f"{file} {word}" for file, word in changes[:NAMED]]
    return ", ".join(named + ([f"and {len(changes) - NAMED} more"] if len(changes) > NAMED else []))


def _assemble(dep: Any, outputs: dict[str, Any]) -> Tree | None:
    """Put together what lay in a folder that several stages write to; None unless its hash says that this is it."""
    tree = Tree()
    for path, out in outputs.items():
        if not dep.fs.isin(path, dep.fs_path) or not out.hash_info:
            continue
        key = dep.fs.relparts(path, dep.fs_path)
        part = out.get_obj()
        if isinstance(part, Tree):
            for inner, meta, oid in part:
                tree.add((*key, *inner), meta, oid)
        else:
            tree.add(key, out.meta, out.hash_info)
    tree.digest()
    return tree if tree.hash_info == dep.hash_info else None
