"""Two runs compared: what differs first in the order of the pipeline, and by how much."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.artifacts import read_json, read_parquet, write_array, write_json, write_parquet
from pipeline.compare import compare_runs, main, render
from pipeline.errors import GraftError
from pipeline.lineage.differences import compare_files
from pipeline.lineage.provenance import describe, record
from tests.lineage.conftest import Tiny


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["compare", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def write_run(folder: Path) -> Path:
    """A run of one student as small as can be."""
    (folder / "models/students/a").mkdir(parents=True)
    (folder / "params.yaml").write_text("budget: {steps: 3, seed: 1}\n")
    (folder / "pipeline").mkdir()
    (folder / "pipeline/code.py").write_text("x = 1\n")
    (folder / "data/tokenized/t/tokenizer").mkdir(parents=True)
    (folder / "data/tokenized/t/tokenizer/tokenizer.json").write_text("{}")
    tensors = {"a.weight": torch.ones(2, 3), "b.bias": torch.zeros(3, dtype=torch.bfloat16)}
    save_file(tensors, folder / "models/students/a/model.safetensors")
    write_array(folder / "signals/t/logits.npy", np.ones((4, 2), np.float32))
    frame = pd.DataFrame({"id": ["1", "2"], "predicted": ["good", "bad"], "p_good": np.float32([0.9, 0.2])})
    write_parquet(folder / "predictions/a.parquet", frame)
    write_json(folder / "metrics/a.json", {"accuracy": 0.5, "kind": "x"})
    (folder / "pipeline/__pycache__").mkdir()
    (folder / "pipeline/__pycache__/code.pyc").write_bytes(str(folder).encode())
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    one = write_run(tmp_path / "one")
    return one, Path(shutil.copytree(one, tmp_path / "other"))


def test_equal_runs(
    runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (runs[1] / "pipeline/__pycache__/code.pyc").write_bytes(b"other")
    status, text = run(capsys, monkeypatch, *runs)
    assert status == 0
    assert text.splitlines()[-1] == "Equal."
    assert "settings: 1 files: 1 identical" in text
    assert "tokens" not in text, "each file counts once"


def test_the_first_difference_is_the_earliest_in_the_pipeline(
    runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = runs[1]
    tokenizer, weights = "data/tokenized/t/tokenizer/tokenizer.json", "models/students/a/model.safetensors"
    # From the end of the pipeline to its beginning: each change comes before all that were made already.
    changes = {
        "metrics: metrics/a.json: accuracy: 0.5 and 0.75": lambda: write_json(
            other / "metrics/a.json", {"accuracy": 0.75, "kind": "x"}
        ),
        "predictions: predictions/a.parquet: column predicted: 1 of 2 labels flipped (and 1 more)": lambda: flip(other),
        f"students: {weights}: tensor a.weight: max abs difference 0.5 (and 1 more)": lambda: nudge(other, 0.5),
        "signals: signals/t/logits.npy: array: float32[4, 2] and float32[5, 2]": lambda: write_array(
            other / "signals/t/logits.npy", np.ones((5, 2), np.float32)
        ),
        f"tokenizers: {tokenizer}: a: null and 1": lambda: (other / tokenizer).write_text('{"a": 1}'),
        "code: pipeline/code.py: the contents differ": lambda: (other / "pipeline/code.py").write_text("x = 2\n"),
        "settings: params.yaml: budget.seed: 1 -> 2": lambda: (other / "params.yaml").write_text(
            "budget: {steps: 3, seed: 2}\n"
        ),
    }
    for first, change in changes.items():
        change()
        status, text = run(capsys, monkeypatch, *runs)
        assert status == 1
        assert text.splitlines()[-1] == f"First difference: {first}"
    (other / "params.yaml").unlink()
    assert "params.yaml: is missing from the other" in run(capsys, monkeypatch, *runs)[1]


def flip(folder: Path) -> None:
    frame = read_parquet(folder / "predictions/a.parquet")
    write_parquet(
        folder / "predictions/a.parquet", frame.assign(predicted=["good", "good"], p_good=np.float32([0.9, 0.8]))
    )


def nudge(folder: Path, by: float) -> None:
    path = folder / "models/students/a/model.safetensors"
    save_file({name: tensor + by for name, tensor in load_file(path).items()}, path)


def test_the_tolerance_takes_numbers_and_no_label(
    runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nudge(runs[1], 2**-7)
    status, text = run(capsys, monkeypatch, *runs, "--tolerance", "0.01")
    assert status == 0
    assert "students: 1 files: 0 identical, 1 within 0.01" in text
    assert text.splitlines()[-1] == "Equal within 0.01."
    assert run(capsys, monkeypatch, *runs, "--tolerance", "0.001")[0] == 1
    flip(runs[1])
    status, text = run(capsys, monkeypatch, *runs, "--tolerance", "100")
    assert status == 1
    assert "1 of 2 labels flipped" in text


def test_a_folder_without_a_run(
    runs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GraftError, match="holds no run"):
        compare_runs(runs[0], tmp_path / "nowhere")
    assert run(capsys, monkeypatch, runs[0], tmp_path / "nowhere")[0] == 2


def test_values_that_are_no_numbers_and_bytes_alone(tmp_path: Path) -> None:
    def pair(name: str, one: object, other: object) -> tuple[Path, Path]:
        paths = (tmp_path / f"1-{name}", tmp_path / f"2-{name}")
        for path, value in zip(paths, (one, other), strict=True):
            path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return paths

    assert compare_files(*pair("a.json", {"a": 1}, {"a": 1})) is None
    found = compare_files(*pair("b.json", '{"a": 1}', '{ "a": 1}'))
    assert found is not None
    assert (found.what, found.largest) == ("the bytes differ, the values do not", 0.0)
    found = compare_files(*pair("c.json", {"a": True}, {"a": 2}))
    assert found is not None
    assert found.largest == float("inf")
    found = compare_files(*pair("d.csv", "step,loss\n1,0.5\n2,\n", "step,loss\n1,0.25\n2,\n"))
    assert found is not None
    assert (found.what, found.largest) == ("column loss: max abs difference 0.25", 0.25)


def write_pair(folder: Path, name: str, one: bytes, other: bytes) -> tuple[Path, Path]:
    paths = folder / f"1-{name}", folder / f"2-{name}"
    for path, content in zip(paths, (one, other), strict=True):
        path.write_bytes(content)
    return paths


@pytest.mark.parametrize(
    ("one", "other"), [(b"text,label\nx,01\n", b"text,label\nx,1\n"), (b"text,label\nNA,1\n", b"text,label\nnull,1\n")]
)
def test_texts_as_they_came_are_no_numbers(
    runs: tuple[Path, Path],
    one: bytes,
    other: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for folder, content in zip(runs, (one, other), strict=True):
        (folder / "data/raw").mkdir()
        (folder / "data/raw/data.csv").write_bytes(content)
    status, text = run(capsys, monkeypatch, *runs)
    assert status == 1
    assert text.splitlines()[-1] == "First difference: input: data/raw/data.csv: the contents differ"


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.json", "a.npy", "a.arrow", "a.safetensors"])
def test_a_damaged_file_differs_and_is_named(tmp_path: Path, name: str) -> None:
    found = compare_files(*write_pair(tmp_path, name, b"", b'a,b\n"1,2,3\n\xff'))
    assert found is not None
    assert found.what.startswith("the contents differ, and not both can be read: ")
    assert found.largest == float("inf")


def test_damaged_settings_differ(
    runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (runs[1] / "params.yaml").write_text("budget: {")
    status, text = run(capsys, monkeypatch, *runs)
    assert status == 1
    assert text.splitlines()[-1] == "First difference: settings: params.yaml: the contents differ"


def test_cells_without_a_value_are_equal_to_one_another(tmp_path: Path) -> None:
    paths = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    for path, last in zip(paths, ("a", "b"), strict=True):
        write_parquet(path, pd.DataFrame({"domain": ["x", None, None, last]}))
    found = compare_files(*paths)
    assert found is not None
    assert found.what == "column domain: 1 of 4 values differ"
    found = compare_files(*write_pair(tmp_path, "b.csv", b"label,n\nNA,1\n,2\n", b"label,n\nnull,1\n,2\n"))
    assert found is not None
    assert found.what == "column label: 1 of 2 values differ"


@pytest.mark.slow
def test_a_whole_run_against_itself_and_an_edit(tiny: Tiny, tmp_path: Path) -> None:
    other = Path(shutil.copytree(tiny.folder, tmp_path / "other", ignore=shutil.ignore_patterns(".dvc", ".git")))
    parts = compare_runs(tiny.folder, other)
    assert [part.name for part in parts] == [
        "settings", "code", "input", "prepared text", "tokenizers", "tokens", "teachers", "signals", "students",
        "controls", "predictions", "exports", "metrics", "report",
    ]  # fmt: skip
    assert render(parts, 0.0).splitlines()[-1] == "Equal."
    path = other / "models/students/static/model.safetensors"
    tensors = load_file(path)
    tensors["classifier.bias"] = tensors["classifier.bias"] + 0.25
    save_file(tensors, path, metadata={"format": "pt"})
    last = render(compare_runs(tiny.folder, other), 0.0).splitlines()[-1]
    assert last.startswith(
        "First difference: students: models/students/static/model.safetensors: tensor classifier.bias"
    )


def test_a_record_names_the_machine_and_the_code_and_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_STAGE", "transfer@static")
    monkeypatch.setenv("HF_TOKEN", "a-secret")
    record("transfer@static")
    written = Path("provenance/transfer@static.json")
    try:
        found = read_json(written)
        text = written.read_text(encoding="utf-8")
    finally:
        written.unlink()
    assert found == describe()
    assert found["threads"] == torch.get_num_threads()
    assert (found["processes"], len(found["commit"])) == (1, 40)
    assert found["libraries"]["torch"].startswith(torch.__version__.split("+")[0])
    assert isinstance(found["changed"], bool)
    for secret in ("a-secret", str(Path.home()), str(Path.cwd())):
        assert secret not in text
    monkeypatch.setenv("RANK", "1")
    record("transfer@static")
    assert not written.exists(), "one record of several processes"
    monkeypatch.chdir(tmp_path)
    assert describe()["commit"] is None


def test_threads_are_pinned_unless_the_environment_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.training import machine

    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    machine.pin_threads()
    assert asked == []
    monkeypatch.delenv("OMP_NUM_THREADS")
    machine.pin_threads()
    assert asked == [machine.THREADS] == [2]
