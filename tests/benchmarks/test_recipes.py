"""Recipes are whole and valid, and ``benchmarks.public`` lays them out in a folder of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.public import build_table, lay_out, published_results, put_data
from pipeline.errors import GraftError
from pipeline.params import load_params
from pipeline.validation import validate
from recipes import find_recipe, has_data
from tests.closure import ROOT

# Jobs of the user's own, and one of which nobody has published figures that compare.
UNPUBLISHED = {"csv", "hub", "intents", "pairs"}
RECIPES = sorted(path.parent.name for path in (ROOT / "recipes").glob("*/params.yaml"))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_valid_and_explained(here: None, name: str) -> None:
    params = load_params(find_recipe(name) / "params.yaml")
    validate(params)
    assert params.data.source == {"hub": "hub", "ratings": "vader"}.get(name, "file")
    assert ("vader" in params.rivals) == (name == "ratings"), "others have no sentiment of its own kind"
    assert f"({name}/README.md)" in (ROOT / "recipes" / "README.md").read_text(encoding="utf-8")
    fetched = has_data(name) or params.data.source == "vader"
    assert fetched or name in UNPUBLISHED or published_results(find_recipe(name)).count("\n| ") >= 3


def test_an_unknown_recipe_is_refused_with_those_there_are(here: None) -> None:
    with pytest.raises(GraftError, match=f"no recipe 'imdb'; allowed: {', '.join(RECIPES)}"):
        find_recipe("imdb")


def test_data_goes_where_the_recipe_reads_it(here: None, tmp_path: Path) -> None:
    data, work = tmp_path / "data", tmp_path / "work"
    data.mkdir()
    (data / "train.csv").write_text("text,label\na,x\n", encoding="utf-8")
    (data / "notes.md").write_text("not a table", encoding="utf-8")
    (data / "sentences.txt").write_text("b\n", encoding="utf-8")
    params = load_params(find_recipe("sst2") / "params.yaml")
    with pytest.raises(GraftError, match="name a file of it: --unlabelled FILE"):
        put_data(work, params, data, None)
    put_data(work, params, data, data / "sentences.txt")
    found = sorted(path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file())
    assert found == ["data/local/train.csv", "data/unlabelled/sentences.txt"]


def test_the_table_has_a_line_for_every_model(here: None, tmp_path: Path) -> None:
    params = load_params(find_recipe("banking77") / "params.yaml")
    models = [*params.students, *(f"controls/{name}" for name in params.students), "rivals/tfidf", "teacher"]
    for name in models:
        path = tmp_path / "metrics" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"accuracy": 0.9123, "macro_f1": 0.9}), encoding="utf-8")
    for name in (
        "teacher/minilm",
        *(f"{kind}/{name}" for kind in ("students", "controls") for name in params.students),
    ):
        path = tmp_path / "models" / name / "training.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"parameters": 4_200_000}), encoding="utf-8")
    lines = build_table(tmp_path, params).splitlines()
    assert lines[2].replace("\u00a0", " ") == "| minilm (teacher) | 91.2 | 0.900 | 4.2 M |"
    assert lines[-1] == "| tfidf (rival) | 91.2 | 0.900 | – |"
    assert len(lines) == 2 + len(models)


@pytest.mark.slow
def test_a_copy_has_the_files_the_recipe_and_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, work = tmp_path / "source", tmp_path / "work"
    for name, text in {
        "code.py": "old",
        "params.yaml": "own",
        "dvc.lock": "own",
        "recipe/params.yaml": "recipe",
    }.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text, encoding="utf-8")
    (source / ".gitignore").write_text("ignored\n", encoding="utf-8")
    (source / "ignored").write_text("x", encoding="utf-8")
    monkeypatch.chdir(source)
    for command in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"]):
        subprocess.run(command, check=True)
    lay_out(work, Path("recipe"))
    assert (work / "params.yaml").read_text(encoding="utf-8") == "recipe"
    assert not (work / "dvc.lock").exists()
    assert not (work / "ignored").exists()
    (work / "dvc.lock").write_text("of the copy", encoding="utf-8")
    (source / "code.py").write_text("new", encoding="utf-8")
    lay_out(work, Path("recipe"))
    assert (work / "code.py").read_text(encoding="utf-8") == "new"
    assert (work / "dvc.lock").read_text(encoding="utf-8") == "of the copy"
    assert str(source / ".dvc" / "cache") in (work / ".dvc" / "config.local").read_text(encoding="utf-8")
