"""The command measures every export of params.yaml once, and says in one line what it cannot do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from pipeline.artifacts import read_json, write_parquet
from pipeline.deployment.classifier import FILES
from tests.closure import ROOT

NAMES = ("teacher/minilm", "bilstm", "textcnn", "static", "minibert")


@pytest.fixture(scope="module")
def run_folder(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `dvc repro` leaves, with one small export in the place of each."""
    folder = tmp_path_factory.mktemp("run")
    shutil.copy(ROOT / "params.yaml", folder)
    for name in NAMES:
        shutil.copytree(exported, folder / "exports" / name)
    for split in ("train", "test"):
        texts = pd.DataFrame({"text": ["the film was good", "so bad"] * 40})
        write_parquet(folder / "data/prepared" / f"{split}.parquet", texts)
    return folder


def benchmark(folder: Path, *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pipeline.benchmark", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_every_export_is_measured_and_then_not_again(run_folder: Path) -> None:
    done = benchmark(run_folder, "--rounds", "1")
    assert done.returncode == 0, done.stderr
    target = run_folder / "data/speed/speed.json"
    record = read_json(target)
    assert set(record["models"]) == set(NAMES)
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines() if line.startswith("| ")]
    assert rows == ["model", *NAMES, *NAMES]
    size = (run_folder / "exports/static" / FILES["int8"]).stat().st_size
    tokenizer = (run_folder / "exports/static/tokenizer.json").stat().st_size
    assert record["models"]["static"]["int8"]["bytes"] == size + tokenizer
    assert record["models"]["teacher/minilm"]["int8"]["ratio"] == 1
    before = target.read_bytes()
    again = benchmark(run_folder, "--missing")
    assert (again.returncode, again.stdout) == (0, "")
    assert target.read_bytes() == before
    (run_folder / "exports/static/settings.json").write_text("{", encoding="utf-8")
    other = benchmark(run_folder, "--missing", "--rounds", "1")
    assert other.returncode == 1, "another export is measured, and this one cannot be read"
    assert "graft: benchmark: exports/static could not be measured" in other.stderr
    assert target.read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "data/speed/speed.json").write_text("{", encoding="utf-8"), "is no JSON; delete it"),
        (lambda folder: shutil.rmtree(folder / "exports/textcnn"), "exports/textcnn is missing; run `dvc repro`"),
    ],
)
def test_what_is_missing_or_broken_gets_one_line(run_folder: Path, tmp_path: Path, damage, words: str) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(run_folder, folder)
    (folder / "data/speed").mkdir(exist_ok=True)
    damage(folder)
    done = benchmark(folder, "--missing", "--rounds", "1")
    assert done.returncode == 1
    assert done.stderr.startswith("graft: benchmark: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
