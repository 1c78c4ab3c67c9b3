"""What each edit reruns: every setting of params.yaml and every code file changed in turn, and DVC asked.

    python -m benchmarks.selectivity

Each is edited in a copy, for real, and DVC compares the dependencies of every stage with what they were before. What
is expected is stated without dvc.yaml, in ``tests/selectivity.py``: for settings a table of their readers, for code
the imports. Stages after those named run if what they read then differs. Status 1 if an edit reruns anything else.
"""

import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc.stage import Stage
from ruamel.yaml import YAML

from benchmarks.tables import text_table
from tests.closure import ROOT
from tests.selectivity import ENTRIES, code_files, leaves, stages_for_code, stages_for_setting

COPIED = ("pipeline", "dvc.yaml", "params.yaml", ".dvcignore")


class Project:
    """A copy of the repository in which edits are made, and DVC's view of it before any."""

    def __init__(self, folder: Path) -> None:
        for name in COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
        (folder / ".dvc").mkdir()
        (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n    analytics = false\n", encoding="utf-8")
        self.folder = folder
        self.parsed: dict[str, Any] = {}
        self.params: dict[str, Any] = self._parse(str(folder / "params.yaml"))
        with Repo(str(folder)) as repo:
            self.stages: list[Stage] = list(repo.index.stages)
        for dep in self._watched():
            dep.save()

    def _watched(self) -> list[Any]:
        """Settings and code among the dependencies; data is none of this table's business."""
        code = str(self.folder / "pipeline")
        deps = [dep for stage in self.stages for dep in stage.deps]
        return [dep for dep in deps if isinstance(dep, ParamsDependency) or dep.fs_path.startswith(code)]

    def stale(self) -> set[str]:
        """Ask DVC which stages have a dependency that differs from what it was."""
        with mock.patch("dvc.dependency.param.load_path", lambda path, fs, **options: self._parse(path)):
            return {dep.stage.name for dep in self._watched() if dep.status()}

    def _parse(self, path: str) -> Any:
        # DVC reads params.yaml anew for each stage; once for each edit gives the same and takes seconds.
        text = Path(path).read_text(encoding="utf-8")
        if text not in self.parsed:
            self.parsed = {text: YAML(typ="safe", pure=True).load(text)}
        return self.parsed[text]

    @contextmanager
    def edited(self, name: str, change: Callable[[str], str]) -> Iterator[None]:
        """Change a file for as long as the block lasts."""
        path = self.folder / name
        before = path.read_text(encoding="utf-8")
        path.write_text(change(before), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(before, encoding="utf-8")


def change_setting(text: str, leaf: str) -> str:
    """Return params.yaml with another value for ``leaf``."""
    values = YAML(typ="safe", pure=True).load(text)
    section = values
    *keys, last = leaf.split(".")
    for key in keys:
        section = section[key]
    old = section[last]
    section[last] = [*old, "more"] if isinstance(old, list) else f"another {old}"
    return dump(values)


def dump(values: Mapping[str, Any]) -> str:
    """Return ``values`` as YAML."""
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(dict(values), stream)
    return stream.getvalue()


def measure(project: Project, settings: Sequence[str], code: Sequence[str]) -> dict[str, set[str]]:
    """Make each edit and return the stages that it makes stale."""
    found = {}
    for leaf in settings:
        with project.edited("params.yaml", partial(change_setting, leaf=leaf)):
            found[leaf] = project.stale()
    for path in code:
        with project.edited(path, lambda text: f"{text}\n# edited\n"):
            found[path] = project.stale()
    return found


def shorten(stages: Iterable[str], params: Mapping[str, Any]) -> str:
    """Name stages, all those of a kind as ``kind@*``: transfer@a, transfer@b → transfer@*."""
    kinds: dict[str, list[str]] = {}
    for stage in sorted(stages):
        kind, _, key = stage.partition("@")
        kinds.setdefault(kind, []).append(key)
    words = []
    for kind, keys in kinds.items():
        if kind in ENTRIES and set(keys) == set(params[ENTRIES[kind]]):
            words.append(f"{kind}@*")
        else:
            words += [f"{kind}@{key}" if key else kind for key in keys]
    return ", ".join(words) or "none"


def group(found: Mapping[str, set[str]], params: Mapping[str, Any], separator: str) -> list[list[str]]:
    """Return rows of edits and stages: one a set of stages, a whole folder or section as one edit."""
    rows: dict[str, list[str]] = {}
    for edit, stages in found.items():
        rows.setdefault(shorten(stages, params), []).append(edit)
    return [[", ".join(_fold(edits, list(found), separator)), stages] for stages, edits in rows.items()]


def _fold(edits: Sequence[str], among: Sequence[str], separator: str) -> list[str]:
    """Put the longest prefix in the place of edits where every edit that begins with it is one of them."""
    folded: dict[str, None] = {}
    for edit in edits:
        parts = edit.split(separator)
        prefixes = [separator.join(parts[:size]) + separator for size in range(1, len(parts))]
        whole = [prefix for prefix in prefixes if all(e in edits for e in among if e.startswith(prefix))]
        folded[f"{whole[0]}*" if whole else edit] = None
    return [f"`{name.removeprefix('pipeline/')}`" for name in folded]


def main() -> None:
    """Print the two tables; status 1 if an edit reruns other stages than expected."""
    with tempfile.TemporaryDirectory(prefix="graft-") as folder:
        project = Project(Path(folder))
        settings, code = leaves(project.params), code_files()
        found = measure(project, settings, code)
    params = project.params
    expected = {leaf: stages_for_setting(leaf, params) for leaf in settings}
    expected |= {path: stages_for_code(path, params) for path in code}
    wrong = [edit for edit in found if found[edit] != expected[edit]]
    print(text_table(["setting", "reruns"], group({leaf: found[leaf] for leaf in settings}, params, ".")))
    print()
    print(text_table(["code, below pipeline/", "reruns"], group({path: found[path] for path in code}, params, "/")))
    print()
    print(
        f"{len(settings)} settings and {len(code)} files edited in turn: "
        f"{len(found) - len(wrong)} of {len(found)} rerun exactly the expected stages."
    )
    for edit in wrong:
        print(f"{edit}: {shorten(found[edit], params)}; expected {shorten(expected[edit], params)}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
