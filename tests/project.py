"""A copy of the repository at which whole pipelines are run: tiny texts, a tiny BERT, real DVC, no network."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.closure import ROOT
from tests.offline import write_wall

# In the environment of every process, and in the address of every remote: it must turn up nowhere else.
SECRET = "s3cret-0f-the-test"
KEPT = ("data/local/.gitkeep", "data/unlabelled/.gitkeep", "data/speed/.gitkeep", "models/local/.gitkeep")


class Project:
    """A copy of the repository in a folder of its own, with git and DVC as a user has them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        blocked = write_wall(folder.parent / "blocked")
        self.said: list[str] = []
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "PYTHONPATH": str(blocked), "OMP_NUM_THREADS": "1"}
        self.environment |= {"HF_TOKEN": SECRET, "PIP_INDEX_URL": f"https://user:{SECRET}@index.invalid/simple"}
        for name in ("pipeline", "dvc.yaml", "params.yaml", ".dvcignore", ".gitignore"):
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
        for name in ("data/local", "data/unlabelled", "data/speed", "models/local", ".dvc"):
            (folder / name).mkdir(parents=True)
        for name in (*KEPT, ".dvc/config", ".dvc/.gitignore"):
            shutil.copy(ROOT / name, folder / name)
        self.git("init", "-q")
        self.git("config", "user.email", "test@example.org")
        self.git("config", "user.name", "test")
        self.git("remote", "add", "origin", f"https://user:{SECRET}@git.invalid/project")

    def put_first(self, folder: Path) -> None:
        """Have commands be looked for in ``folder`` first."""
        self.environment["PATH"] = f"{folder}{os.pathsep}{self.environment['PATH']}"

    def call(self, *command: str) -> subprocess.CompletedProcess:
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        self.said.append(done.stdout + done.stderr)
        return done

    def git(self, *words: str) -> str:
        done = self.call("git", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def dvc(self, *words: str) -> subprocess.CompletedProcess:
        return self.call("python3", "-m", "dvc", *words)

    def repro(self) -> set[str]:
        """Run `dvc repro`; return the stages that it ran."""
        done = self.dvc("repro")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return {line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")}

    def edit(self, change: Callable[[Any], None]) -> None:
        yaml = YAML()
        path = self.folder / "params.yaml"
        values = yaml.load(path.read_text())
        change(values)
        with path.open("w") as stream:
            yaml.dump(values, stream)

    def json(self, name: str) -> dict:
        return json.loads((self.folder / name).read_text())


def write_reviews(path: Path, rows: int = 240) -> None:
    source = random.Random(0)
    telling = {"good": ["good", "great", "fine"], "bad": ["bad", "awful", "poor"]}
    filler = ["the", "a", "is", "was", "not", "very", "it", "so", "and", "but", "film", "book", "story", "plot"]
    lines = ["review,sentiment"]
    for number in range(rows):
        label = ("good", "bad")[number % 2]
        words = [source.choice(filler) for _ in range(source.randint(4, 12))]
        words.insert(source.randrange(len(words)), source.choice(telling[label]))
        lines.append(f'"{" ".join(words)}, nr {number}",{label}')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def small(values: Any) -> None:
    """The four lines that a user writes, and sizes for a test."""
    values["data"] = {"source": "file", "path": "reviews.csv", "text": "review", "label": "sentiment"}
    values["pretrained"]["minilm"] = {"source": "folder", "path": "models/local/tiny"}
    values["tokenizers"]["minilm"]["max_length"] = 24
    values["transfer_set"]["copies"] = 2
    values["finetune"].update(epochs=8, evaluations=2, learning_rate=3e-3, precision="fp32")
    values["teach"]["precision"] = "fp32"
    values["budget"].update(steps=40, evaluations=2, batch_size=32, learning_rate=1e-2, precision="fp32")
    values["evaluate"]["resamples"] = 200
    students = values["students"]
    for name in ("bilstm", "static", "textcnn"):
        students[name]["config"]["embedding_size"] = 16
    students["bilstm"].update(budget={"learning_rate": 2e-2})
    students["static"].pop("budget")
    students["textcnn"].pop("budget")
    students["bilstm"]["config"]["hidden_size"] = 8
    students["textcnn"]["config"].update(filters=8, widths=[1, 2])
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    students["minibert"].update(budget={"steps": 20, "learning_rate": 3e-3})
    students["minibert"]["config"].update(max_position_embeddings=64, **sizes)
