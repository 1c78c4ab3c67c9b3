"""The whole pipeline on a tiny slice, run in this process: the stages' own ``main``, what they read on record."""

import contextlib
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from dvc.repo import Repo
from dvc.repo.reproduce import plan_repro
from dvc.stage import Stage

from pipeline.params import load_params
from pipeline.settings.base import Section
from pipeline.settings.reading import Sections, read_sections
from tests.conftest import write_pretrained
from tests.project import Project, small, write_reviews

WHOLE = {"model_dump", "model_copy", "model_dump_json", "model_extra", "__pydantic_extra__"}


@dataclass
class Tiny:
    """A finished run: its folder, its project, and the leaves of params.yaml that each stage read."""

    project: Project
    reads: dict[str, set[str]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.project.folder


class Recorder:
    """Writes down which leaves of params.yaml are read."""

    def __init__(self, params: Sections) -> None:
        self.reads: set[str] = set()
        self.keys: dict[int, str] = {}
        self._register(params, "")

    def _register(self, value: Any, key: str) -> bool:
        """Remember the key of every section in ``value``; say whether there is one."""
        if isinstance(value, Section):
            self.keys[id(value)] = key
            for name, child in vars(value).items():
                self._register(child, f"{key}.{name}".lstrip("."))
            return True
        if isinstance(value, dict):
            return sum(self._register(child, f"{key}.{name}") for name, child in value.items()) > 0
        return isinstance(value, list) and sum(self._register(child, key) for child in value) > 0

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        plain = Section.__getattribute__
        recorder = self

        def note(section: Section, name: str) -> Any:
            value = plain(section, name)
            key = recorder.keys.get(id(section))
            if key and name in WHOLE:
                recorder.reads.add(key)
            elif key is not None and name in type(section).model_fields:
                leaf = f"{key}.{name}".lstrip(".")
                if not recorder._register(value, leaf):
                    recorder.reads.add(leaf)
            return value

        with mock.patch.object(Section, "__getattribute__", note):
            yield


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    folder = tmp_path_factory.mktemp("tiny") / "project"
    folder.mkdir()
    tiny = Tiny(Project(folder))
    write_reviews(folder / "reviews.csv")
    write_pretrained(folder / "models/local/tiny")
    tiny.project.edit(small)
    with contextlib.chdir(folder), Repo() as repo:
        for stage in in_order(repo):
            tiny.reads[stage.addressing] = run_stage(stage)
        repo.commit(force=True)
    tiny.project.git("add", "-A")
    tiny.project.git("commit", "-qm", "run")
    return tiny


def in_order(repo: Repo) -> list[Stage]:
    return plan_repro(repo.index.graph)


def run_stage(stage: Stage) -> set[str]:
    """Call what the stage's command calls; return the leaves of params.yaml that it read."""
    _, _, name, *words = stage.cmd.split()
    module = importlib.import_module(name)
    # The report alone reads the whole file.
    reads = "read_sections" if hasattr(module, "Settings") else "load_params"
    params = read_sections(module.Settings) if reads == "read_sections" else load_params()
    recorder = Recorder(params)
    with mock.patch.object(module, reads, return_value=params), recorder.listening():
        module.main(*words)
    return recorder.reads


@pytest.fixture
def edit(tiny: Tiny) -> Iterator[Callable[[str, Callable[[str], str] | None], None]]:
    """Change files of the finished run; afterwards all is as it was."""
    before: dict[Path, str | None] = {}

    def change(name: str, how: Callable[[str], str] | None) -> None:
        path = tiny.folder / name
        old = path.read_text(encoding="utf-8") if path.exists() else None
        before.setdefault(path, old)
        if how is None:
            path.unlink()
        else:
            path.write_text(how(old or ""), encoding="utf-8")

    yield change
    for path, text in before.items():
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(text, encoding="utf-8")
