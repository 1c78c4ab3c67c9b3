"""DVC's experiments on the whole pipeline: in the workspace, apart, two at once, and from one clone to another."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.sharing.slice import Slice

pytestmark = pytest.mark.long

WIDE = "rivals.tfidf.regularization=[2.0]"
FIGURES = "metrics/static.json"


def shown(project: Slice) -> dict[str, Any]:
    """Parameters and metrics of every experiment by its name, as `dvc exp show` has them."""
    (table,) = (entry for entry in json.loads(project.succeed("exp", "show", "--json")) if entry["rev"] != "workspace")
    return {entry["name"]: entry["revs"][-1]["data"] for entry in table["experiments"] or []}


def restore(project: Slice) -> None:
    project.git("checkout", "-q", ".")
    project.succeed("checkout")


def test_in_the_workspace_only_what_is_stale_runs(author: Slice) -> None:
    assert author.ran("exp", "run", "--name", "here", "-S", WIDE) == {"rival@tfidf", "report"}
    values = YAML(typ="safe").load((author.folder / "params.yaml").read_text(encoding="utf-8"))
    assert values["rivals"]["tfidf"]["regularization"] == [2.0], "the setting stays in the workspace"
    assert "metrics" in shown(author)["here"]
    difference = json.loads(author.succeed("exp", "diff", "--json", "HEAD", "here"))
    assert difference["params"]["params.yaml"]["rivals.tfidf.regularization"] == {"old": "[1.0]", "new": "[2.0]"}
    restore(author)
    assert author.ran("repro") == set()


def test_apart_it_leaves_the_workspace_alone(author: Slice) -> None:
    before = author.contents()
    said = author.succeed("exp", "run", "--temp", "--name", "apart", "-S", "rivals.tfidf.regularization=[3.0]")
    assert "Running stage 'rival@tfidf'" in said
    assert "Running stage 'transfer@static'" not in said
    assert author.contents() == before
    assert shown(author)["apart"]["params"]["params.yaml"]["data"]["rivals"]["tfidf"]["regularization"] == [3.0]


def test_two_workers_run_two_experiments_of_the_queue(author: Slice) -> None:
    before = author.contents()
    for name, share in (("one", "0.9"), ("two", "0.8")):
        author.succeed("exp", "run", "--queue", "--name", name, "-S", f"evaluate.confidence={share}")
    author.succeed("queue", "start", "-j", "2")
    deadline = time.monotonic() + 300
    while not {"one", "two"} <= shown_states(author).get("Success", set()):
        assert time.monotonic() < deadline, author.dvc("queue", "status").stdout
        assert "Failed" not in shown_states(author), author.dvc("queue", "logs", "one").stdout
        time.sleep(0.5)
    author.succeed("queue", "stop")
    logs = sorted((author.folder / ".dvc/tmp/exps/celery").glob("dvc-exp-worker-*.out"))
    assert [len(re.findall(r"run_exp\[.+\] succeeded", log.read_text())) for log in logs] == [1, 1], "one a worker"
    assert author.contents() == before
    found = shown(author)
    for name, share in (("one", 0.9), ("two", 0.8)):
        assert found[name]["params"]["params.yaml"]["data"]["evaluate"]["confidence"] == share
    widths = [
        figures["macro_f1_high"] - figures["macro_f1_low"]
        for figures in (found[name]["metrics"][FIGURES]["data"] for name in ("one", "two"))
    ]
    assert widths[0] > widths[1], "each has its own result"


def shown_states(project: Slice) -> dict[str, set[str]]:
    """The names of the queue's experiments by their state."""
    states: dict[str, set[str]] = {}
    for line in project.succeed("queue", "status").splitlines():
        words = line.split()
        if len(words) > 2 and words[1] in ("one", "two"):
            states.setdefault(words[-1], set()).add(words[1])
    return states


def test_an_experiment_goes_to_another_clone_and_is_applied_there(author: Slice, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "bare"], check=True)
    author.git("remote", "set-url", "origin", str(tmp_path / "bare"))
    author.succeed("remote", "add", "--default", "storage", str(tmp_path / "store"))
    author.git("commit", "-qam", "remote")
    author.git("push", "-q", "origin", "HEAD")
    author.ran("exp", "run", "--name", "shared", "-S", "rivals.tfidf.regularization=[4.0]")
    wanted = author.contents()
    author.succeed("exp", "push", "origin", "shared")
    restore(author)

    clone = author.clone(tmp_path / "clone")
    clone.git("remote", "set-url", "origin", str(tmp_path / "bare"))
    clone.succeed("exp", "pull", "origin", "shared")
    clone.succeed("exp", "apply", "shared")
    assert clone.contents() == wanted
    assert clone.ran("repro") == set()
