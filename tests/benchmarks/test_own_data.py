"""The recipes for data of one's own, on a slice: a table, and a model with a dataset of a hub on this machine."""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from pipeline.errors import GraftError
from pipeline.params import load_params
from tests.benchmarks.slices import settings, shrink_static
from tests.conftest import write_pretrained
from tests.fetching.hub import REVISION, serve
from tests.project import Project, write_reviews
from tests.warm import Warm


def shrink(values: Any) -> None:
    """Sizes for a test; what the recipe is about stays."""
    for tokenizer in values["tokenizers"].values():
        tokenizer["max_length"] = 48
    shrink_static(values, epochs=8, steps=60)


def lay_out(folder: Path, values: Any) -> Project:
    """A project with these settings, made small."""
    folder.mkdir()
    project = Project(folder)
    shrink(values)
    YAML().dump(values, folder / "params.yaml")
    return project


def check(project: Project, ran: set[str], teacher: str) -> None:
    assert {f"teach@{teacher}", "transfer@static", "control@static", "rival@tfidf", "export@static", "report"} <= ran
    assert project.json("metrics/teacher.json")["macro_f1"] > 0.8
    assert project.json("metrics/static.json")["macro_f1"] > 0.8
    said = project.call(sys.executable, "-m", "pipeline.predict", "exports/static", "a great film", "so awful")
    assert [json.loads(line)["label"] for line in said.stdout.splitlines()] == ["good", "bad"], said.stderr


@pytest.mark.long
def test_a_table_of_ones_own(tmp_path: Path, warm: Warm) -> None:
    values = settings("csv")
    assert values["data"]["path"] == "data/local/mine.csv"
    # As its page says: the two columns are named.
    values["data"].update(text="review", label="opinion")
    values["pretrained"]["minilm"] = {"source": "folder", "path": "models/local/tiny"}
    project = lay_out(tmp_path / "project", values)
    write_pretrained(project.folder / "models/local/tiny")
    write_reviews(project.folder / "data/local/mine.csv")
    wrong = project.dvc("repro", "prepare")
    assert wrong.returncode != 0
    line = next(line for line in wrong.stderr.splitlines() if line.startswith("graft: "))
    assert "opinion" in line
    assert "it has 'review', 'sentiment'" in line
    project.edit(lambda own: own["data"].update(label="sentiment"))
    project.put_first(warm.python3(tmp_path / "bin"))
    check(project, project.repro(), "minilm")


def repository(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def dataset(folder: Path) -> dict[str, bytes]:
    """Splits as the recipe's dataset has them: a number and a name for each label."""
    folder.mkdir()
    write_reviews(folder / "all.csv")
    rows = pd.read_csv(folder / "all.csv").rename(columns={"review": "text", "sentiment": "label_text"})
    rows.insert(1, "label", (rows["label_text"] == "good").astype(int))
    parts = {"train": rows[:160], "validation": rows[160:200], "test": rows[200:]}
    return {
        f"{name}.jsonl": part.to_json(orient="records", lines=True, force_ascii=False).encode()
        for name, part in parts.items()
    }


@pytest.mark.long
def test_a_model_and_a_dataset_of_the_hub(tmp_path: Path, warm: Warm) -> None:
    values = settings("hub")
    write_pretrained(tmp_path / "tiny")
    served = {
        f"models/{values['pretrained']['bge']['model']}": repository(tmp_path / "tiny"),
        f"datasets/{values['data']['dataset']}": dataset(tmp_path / "emotions"),
    }
    for pinned in (values["data"], values["pretrained"]["bge"]):
        pinned["revision"] = REVISION
    project = lay_out(tmp_path / "project", values)
    kept = dict(project.environment)
    with serve(served) as endpoint:
        # Those that fetch stand before the wall, and read where the hub is when their libraries are imported.
        reaching = {name: value for name, value in kept.items() if name != "PYTHONPATH" and "proxy" not in name.lower()}
        project.environment = reaching | {"HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0"}
        fetched = project.dvc("repro", "fetch", "fetch_model@bge")
        assert fetched.returncode == 0, fetched.stderr
    project.environment = kept
    project.put_first(warm.python3(tmp_path / "bin"))
    ran = project.repro()
    assert not {"fetch", "fetch_model@bge"} & ran
    check(project, ran, "bge")
    assert project.json("data/prepared/summary.json")["splits_given"] == ["train", "validation", "test"]


@pytest.mark.parametrize("revision", ["main", "COMMIT", "4f58c6b"])
@pytest.mark.parametrize("section", ["data", "pretrained.bge"])
def test_what_is_no_whole_commit_is_refused(tmp_path: Path, section: str, revision: str) -> None:
    values = settings("hub")
    part = values
    for name in section.split("."):
        part = part[name]
    part["revision"] = revision
    YAML().dump(values, tmp_path / "params.yaml")
    with pytest.raises(GraftError, match=f"{section}.revision is '{revision}'") as caught:
        load_params(tmp_path / "params.yaml")
    assert "\n" not in str(caught.value)
