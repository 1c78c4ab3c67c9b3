"""The pages hold together: every link leads somewhere, every command that they show is there, no page stands alone."""

import importlib.util
import re
from pathlib import Path

import pytest

from tests.closure import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(ROOT.glob("recipes/**/*.md")),
]
LINK = re.compile(r"(?:\]\(|src=\")([^)\"\s]+)")
COMMAND = re.compile(r"python -m ((?:pipeline|benchmarks|recipes|tests)[.\w]*)")
TARGET = re.compile(r"\bmake ([a-z][a-z-]*)\b")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def links(page: Path) -> list[str]:
    return [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    missing = [link for link in links(page) if not (page.parent / link.partition("#")[0]).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_is_there(page: Path) -> None:
    commands = set(COMMAND.findall(page.read_text(encoding="utf-8")))
    assert not {module for module in commands if importlib.util.find_spec(module) is None}


def test_every_make_target_is_there() -> None:
    there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = {target for page in PAGES for code in _code(page) for target in TARGET.findall(code)}
    assert {"repro", "test"} <= shown <= there


def test_every_page_is_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop().resolve()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            todo += [page.parent / link.partition("#")[0] for link in links(page)]
    assert not {name(page) for page in PAGES} - {name(page) for page in reached}


def _code(page: Path) -> list[str]:
    """What stands in a page as code."""
    return re.findall(r"```.*?```|`[^`]+`", page.read_text(encoding="utf-8"), re.DOTALL)
