"""The files of ``pipeline`` that a module imports, itself included, found by reading the imports.

``python -m tests.closure`` rewrites the code files among the ``deps`` of dvc.yaml accordingly.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def closure(module: str) -> set[str]:
    """Paths, relative to the repository, of every file that importing ``module`` reads."""
    found: set[str] = {"pipeline/__init__.py"}
    waiting = [module]
    while waiting:
        path = _file(waiting.pop())
        if path is None or path in found:
            continue
        found.add(path)
        waiting.extend(_imports(path))
    return found


def _file(module: str) -> str | None:
    parts = module.split(".")
    for path in (Path(*parts).with_suffix(".py"), Path(*parts, "__init__.py")):
        if (ROOT / path).exists():
            # An empty __init__.py holds nothing that could change a result.
            return str(path) if (ROOT / path).stat().st_size else None
    return None


def _imports(path: str) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
            names.extend(f"{node.module}.{alias.name}" for alias in node.names)
    return [name for name in names if name.split(".")[0] == "pipeline"]


def architectures() -> set[str]:
    """The files that each define one architecture; stages import them by the name in params.yaml."""
    paths = (ROOT / "pipeline" / "models").glob("*.py")
    return {str(path.relative_to(ROOT)) for path in paths if "\nCONFIG, MODEL = " in path.read_text(encoding="utf-8")}


def code_of(stage: str, module: str) -> set[str]:
    """The code files that ``stage`` depends on, but for the student's own, which dvc.yaml names by a template."""
    code = closure(module)
    if stage in ("teach", "vocabulary", "evaluate_teacher", "robustness_teacher", "export_teacher"):
        code |= closure("pipeline.models.encoder")
    elif stage in ("transfer", "control", "evaluate", "evaluate_control", "robustness", "export"):
        code |= set().union(*(closure(_module(path)) for path in architectures())) - architectures()
    elif stage in ("pretrain", "round"):
        # A student of any architecture may be pretrained or teach; which one stands in another's settings.
        code |= set().union(*(closure(_module(path)) for path in architectures()))
    elif stage == "report":
        templates = (ROOT / "pipeline" / "report" / "templates").rglob("*.*")
        code |= {str(path.relative_to(ROOT)) for path in templates}
    return code


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def rewrite(text: str) -> str:
    """Return dvc.yaml's text with the code files of every stage's ``deps`` renewed."""
    lines: list[str] = []
    stage = module = ""
    for line in text.splitlines():
        if name := re.fullmatch(r"  (\w+):", line):
            stage = name[1]
        if command := re.search(r"cmd: python3 -m (pipeline\.stages\.\w+)", line):
            module = command[1]
        if re.fullmatch(r"\s+- pipeline/[a-z0-9_/.]+", line):
            continue
        lines.append(line)
        if re.fullmatch(r"\s+deps:", line):
            indent = " " * (len(line) - len(line.lstrip()) + 2)
            lines.extend(f"{indent}- {path}" for path in sorted(code_of(stage, module)))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    target = ROOT / "dvc.yaml"
    target.write_text(rewrite(target.read_text(encoding="utf-8")), encoding="utf-8")
