"""What an edit must rerun, stated without dvc.yaml: settings by who reads them, code by who imports it."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from tests.closure import ROOT, architectures, code_of

# Stages by the section of params.yaml that they read; @K is the stage of the entry K, @* every stage of its kind.
READERS: dict[str, Sequence[str]] = {
    "data": ["fetch", "prepare", "report"],
    "prepare": ["prepare"],
    "text": ["prepare"],
    "transfer_set": ["prepare"],
    "pretrained": ["fetch_model@K", "report"],
    "tokenizers": ["tokenize@K"],
    "finetune": ["finetune@*", "report"],
    "teachers": [
        "finetune@K",
        "teach@K",
        "vocabulary@*",
        "transfer@*",
        "evaluate_teacher",
        "robustness_teacher",
        "report",
    ],
    "teach": ["teach@*"],
    "budget": ["transfer@*", "control@*", "report"],
    "transfer": ["transfer@*", "report"],
    "rounds": ["report"],
    "students": ["transfer@K", "control@K", "report"],
    "rivals": ["rival@K", "report"],
    "evaluate": ["evaluate_teacher", "evaluate@*", "evaluate_control@*", "rival@*"],
    "robustness": ["robustness_teacher", "robustness@*"],
    "export": ["export@*", "export_teacher@*", "report"],
    "report": ["report"],
}
# More readers of single settings: the architecture's file is one that evaluation and export import, the tokenizer
# names the tokens that export counts, and it reads the test split as evaluation does; the report
# has intervals of its own.
ALSO = {
    "architecture": ["evaluate@K", "evaluate_control@K", "robustness@K", "export@K"],
    "tokenizer": ["export@K"],
    "batch_tokens": ["export@*", "export_teacher@*", "robustness@*", "robustness_teacher"],
    "confidence": ["report"],
    "resamples": ["report"],
    "seed": ["report"],
}
# Which section's entries the stages of a kind are made from.
ENTRIES = {
    "fetch_model": "pretrained", "tokenize": "tokenizers", "vocabulary": "tokenizers", "finetune": "teachers",
    "teach": "teachers", "transfer": "students", "control": "students", "evaluate": "students",
    "evaluate_control": "students", "robustness": "students", "export": "students", "export_teacher": "teachers",
    "rival": "rivals",
}  # fmt: skip
MODULES = {
    "evaluate_teacher": "evaluate", "evaluate_control": "evaluate", "export_teacher": "export",
    "robustness_teacher": "robustness",
}  # fmt: skip
OF_ONE_STUDENT = ("transfer", "control", "evaluate", "evaluate_control", "robustness", "export")


def stages_for_setting(leaf: str, params: Mapping[str, Any]) -> set[str]:
    """Return the stages that an edit of the setting ``leaf`` (a dotted key) reruns for that reason alone."""
    section, *rest = leaf.split(".")
    names = [*READERS[section], *(ALSO.get(rest[-1], []) if section in ("students", "evaluate") else [])]
    found: set[str] = set()
    for name in names:
        kind, _, entry = name.partition("@")
        keys = {"": [""], "K": rest[:1], "*": list(params[ENTRIES[kind]]) if entry == "*" else []}[entry]
        found |= {f"{kind}@{key}" if key else kind for key in keys}
    return found


def stages_for_code(path: str, params: Mapping[str, Any]) -> set[str]:
    """Return the stages that import the file ``path``."""
    kinds = {name.partition("@")[0] for readers in READERS.values() for name in readers}
    found: set[str] = set()
    for kind in kinds:
        imported = path in _imports(kind)
        for key, entry in params[ENTRIES[kind]].items() if kind in ENTRIES else [("", {})]:
            own = kind in OF_ONE_STUDENT and path == f"pipeline/models/{entry['architecture']}.py"
            if own or (imported and not (kind in OF_ONE_STUDENT and path in _architectures())):
                found.add(f"{kind}@{key}" if key else kind)
    return found


@cache
def _imports(kind: str) -> frozenset[str]:
    return frozenset(code_of(kind, f"pipeline.stages.{MODULES.get(kind, kind)}"))


@cache
def _architectures() -> frozenset[str]:
    return frozenset(architectures())


def code_files() -> list[str]:
    """Return every file of pipeline/ that holds something."""
    files = [path for path in (ROOT / "pipeline").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return sorted(path.relative_to(ROOT).as_posix() for path in files if path.stat().st_size)


def leaves(values: Any, prefix: str = "") -> list[str]:
    """Return the dotted keys of all settings; a list is one setting."""
    if not isinstance(values, dict):
        return [prefix]
    return [leaf for key, value in values.items() for leaf in leaves(value, f"{prefix}.{key}" if prefix else key)]
