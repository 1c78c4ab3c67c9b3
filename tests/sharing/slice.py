"""A finished pipeline as small as it can be, and fresh clones of it."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.conftest import write_pretrained
from tests.project import Project, small, write_reviews

# Stands before a stage's `python3`: notes which files the stage finds and which it changes, but for git's and DVC's
# own and the records of where results came from.
WATCH = """#!{python} -IS
import hashlib, json, os, subprocess, sys

def files():
    found = {{}}
    for folder, names, leaves in os.walk("."):
        names[:] = [name for name in names if name not in (".git", ".dvc", "__pycache__", "provenance")]
        for path in (os.path.join(folder, leaf)[2:] for leaf in leaves):
            with open(path, "rb") as stream:
                found[path] = [hashlib.sha256(stream.read()).hexdigest(), os.stat(path).st_mtime_ns]
    return found

before = files()
status = subprocess.call([{python3!r}, *sys.argv[1:]])
after = files()
changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
with open({log!r}, "a") as stream:
    stream.write(json.dumps([" ".join(sys.argv[1:]), sorted(before), changed]) + "\\n")
sys.exit(status)
"""
RUNNING = re.compile(r"^Running stage '(.+)':$", re.MULTILINE)


@dataclass(frozen=True)
class Visit:
    """One run of a stage: its command, the files there were before, and those that it changed."""

    command: str
    before: set[str]
    changed: set[str]


class Slice(Project):
    """One teacher, one student, one rival; what is the user's own is stored by DVC, so that it travels.

    ``python3`` is a folder that holds the Python which stages run with. Other than ``Project`` it reaches servers.
    """

    def __init__(self, folder: Path, python3: Path) -> None:
        super().__init__(folder)
        del self.environment["PYTHONPATH"]  # the block on connections
        self.put_first(python3)
        self.python3 = python3 / "python3"
        self.log = folder.parent / "visits.jsonl"

    def finish(self) -> None:
        """Write the user's files, run everything under watch, commit."""
        (self.folder / "inputs/unlabelled").mkdir(parents=True)
        write_reviews(self.folder / "inputs/reviews.csv", rows=120)
        write_pretrained(self.folder / "inputs/tiny")
        (self.folder / "inputs/unlabelled/more.txt").write_text("the story was fine\nso poor a plot\n")
        self.edit(smallest)
        self.succeed("add", "inputs/reviews.csv", "inputs/tiny", "inputs/unlabelled")
        with_watch = self.folder.parent / "watch"
        with_watch.mkdir()
        watch = WATCH.format(python=sys.executable, python3=str(self.python3), log=str(self.log))
        (with_watch / "python3").write_text(watch)
        (with_watch / "python3").chmod(0o755)
        path = self.environment["PATH"]
        self.put_first(with_watch)
        self.repro()
        self.environment["PATH"] = path
        self.git("add", "-A")
        self.git("commit", "-qm", "run")

    def dvc(self, *words: str) -> subprocess.CompletedProcess:
        """Run DVC, past the watch on stages."""
        return self.call(str(self.python3), "-m", "dvc", *words)

    def visits(self) -> list[Visit]:
        """What the stages did while they were watched."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [Visit(command, set(before), set(changed)) for command, before, changed in lines]

    def copy(self, folder: Path) -> "Slice":
        """Return the same again with its cache, as if it had been made in ``folder``."""
        shutil.copytree(self.folder, folder, symlinks=True)
        other = object.__new__(Slice)
        other.folder, other.environment, other.said = folder, dict(self.environment), []
        other.python3 = self.python3
        return other

    def clone(self, folder: Path) -> "Clone":
        """Return a fresh clone: what git brings, and nothing else."""
        return Clone(self, folder)

    def succeed(self, *words: str) -> str:
        """Run DVC, which must succeed; return what it says."""
        done = self.dvc(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ran(self, *words: str) -> set[str]:
        """Run DVC; return the stages that it ran."""
        return set(RUNNING.findall(self.succeed(*words)))

    def outputs(self) -> dict[str, str]:
        """The hash of every output by its path, as dvc.lock has them."""
        lock = YAML(typ="safe").load((self.folder / "dvc.lock").read_text(encoding="utf-8"))
        return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}

    def contents(self) -> dict[str, bytes]:
        """Every file of the workspace but for git's, DVC's own and the records of where results came from."""
        paths = [path for path in self.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        names = {path.relative_to(self.folder).as_posix(): path for path in paths}
        return {
            name: path.read_bytes()
            for name, path in names.items()
            if not name.startswith((".git/", ".dvc/", "provenance/"))
        }

    def tracked(self, name: str) -> bool:
        """Say whether git has the file."""
        return self.call("git", "ls-files", "--error-unmatch", name).returncode == 0

    def cached(self) -> set[str]:
        """The hashes of DVC's objects in the cache."""
        objects = (self.folder / ".dvc/cache/files/md5").glob("??/*")
        return {path.parent.name + path.name for path in objects}


class Clone(Slice):
    """A fresh clone of a slice."""

    def __init__(self, source: Slice, folder: Path) -> None:
        self.folder, self.environment, self.said = folder, dict(source.environment), []
        self.python3 = source.python3
        subprocess.run(["git", "clone", "-q", source.folder, folder], check=True)
        self.git("config", "user.email", "test@example.org")
        self.git("config", "user.name", "test")

    def forget(self) -> None:
        """Back to what git brings, but for the settings in .dvc/config.local."""
        shutil.rmtree(self.folder / ".dvc/cache", ignore_errors=True)
        shutil.rmtree(self.folder / ".dvc/tmp", ignore_errors=True)
        self.git("clean", "-qxfd", "-e", ".dvc/config.local")
        self.git("checkout", "-q", ".")


def smallest(values: Any) -> None:
    """Sizes at which a stage has hardly anything to do."""
    small(values)
    values["data"]["path"] = "inputs/reviews.csv"
    values["pretrained"]["minilm"]["path"] = "inputs/tiny"
    values["transfer_set"].update(path="inputs/unlabelled", copies=1)
    values["finetune"].update(epochs=1, evaluations=1)
    values["budget"].update(steps=4, evaluations=1)
    values["evaluate"]["resamples"] = 100
    for section, kept in (("students", "static"), ("rivals", "tfidf")):
        for name in [name for name in values[section] if name != kept]:
            del values[section][name]
    values["rivals"]["tfidf"]["regularization"] = [1.0]
