"""Models and datasets from a hub on this machine, through the real client and the real stages."""

import os
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, LargeList, List, Value
from huggingface_hub import constants
from pydantic import ValidationError
from safetensors.torch import load_file

import pipeline.fetching.hub as hub_models
from pipeline.errors import GraftError
from pipeline.fetching.hub import _write_splits, download_dataset, download_model
from pipeline.settings.data import HubData
from tests.fetching.hub import REVISION, serve
from tests.text.conftest import ROOT, write_params

MODEL = {
    "config.json": b"{}",
    "tokenizer.json": b"{}",
    "model.safetensors": b"weights",
    "pytorch_model.bin": b"pickle",
    "modeling.py": b"raise SystemExit",
    "onnx/model.safetensors": b"other",
}
CSV = "text,label\n" + "".join(f"sentence {row},{row % 2}\n" for row in range(40))
CARD = b"""---
configs:
- config_name: plain
  data_files: [{split: train, path: a.csv}, {split: dev, path: b.csv}, {split: extra, path: b.csv}]
- config_name: heldout
  data_files: [{split: test, path: b.csv}]
---
"""
REPOSITORIES = {
    "models/lab/tiny": MODEL,
    "models/lab/pickled": {name: MODEL[name] for name in ("config.json", "tokenizer.json", "pytorch_model.bin")},
    "models/lab/weightless": {name: MODEL[name] for name in ("config.json", "tokenizer.json", "modeling.py")},
    "models/lab/gated": {},
    "models/lab/broken": {},
    "datasets/lab/reviews": {"README.md": CARD, "a.csv": CSV.encode(), "b.csv": CSV.encode(), "reviews.py": b"1/0"},
    "datasets/lab/splits": {"train.csv": CSV.encode(), "test.csv": CSV.encode(), "other/train.csv": CSV.encode()},
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with serve(REPOSITORIES) as address:
        yield address


@pytest.fixture
def hub(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the hub's library, which reads HF_ENDPOINT when it is imported, to the hub on this machine."""
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("stage", ["fetch", "fetch_model"])
def test_the_stages_reach_the_hub_that_the_environment_names(tmp_path: Path, endpoint: str, stage: str) -> None:
    data = {"source": "hub", "dataset": "lab/splits", "revision": REVISION, "files": ["train.csv"]}
    model = {"source": "hub", "model": "lab/tiny", "revision": REVISION}
    write_params(tmp_path, data=data | {"text": "text", "label": "label"}, pretrained={"minilm": model, "other": model})
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("HF_") and "proxy" not in name.lower()
    }
    subprocess.run(
        [sys.executable, "-m", f"pipeline.stages.{stage}", *(["other"] if stage == "fetch_model" else [])],
        cwd=tmp_path,
        env=kept | {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)},
        check=True,
    )
    if stage == "fetch":
        assert names(tmp_path / "data/raw") == ["train.parquet"]
    else:
        assert names(tmp_path / "models/pretrained/other") == ["config.json", "model.safetensors", "tokenizer.json"]


@pytest.mark.usefixtures("hub")
def test_a_model_comes_without_pickles_and_code(tmp_path: Path) -> None:
    download_model("lab/tiny", REVISION, tmp_path / "out")
    assert names(tmp_path / "out") == ["config.json", "model.safetensors", "tokenizer.json"]
    assert (tmp_path / "out/model.safetensors").read_bytes() == b"weights"
    assert not (tmp_path / "out/model.safetensors").is_symlink()


@pytest.mark.usefixtures("hub")
def test_pytorch_weights_come_where_there_are_no_others_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"weight": torch.arange(3.0)}, tmp_path / "weights")
    pickled = {"pytorch_model.bin": (tmp_path / "weights").read_bytes(), "optimizer.bin": b"", "tf_model.h5": b""}
    monkeypatch.setitem(REPOSITORIES, "models/lab/pickled", REPOSITORIES["models/lab/pickled"] | pickled)
    with pytest.MonkeyPatch.context() as patched:
        asked: list[list[str]] = []
        download = hub_models.snapshot_download

        def noting(*words: object, **options: object) -> str:
            asked.append(options["allow_patterns"])
            return download(*words, **options)

        patched.setattr(hub_models, "snapshot_download", noting)
        download_model("lab/tiny", REVISION, tmp_path / "tiny")
        assert not any(fnmatch(name, pattern) for name in pickled for pattern in asked[0])
        assert len(asked) == 1
        download_model("lab/pickled", REVISION, tmp_path / "out")
        assert asked[2] == ["pytorch_model*.bin", "pytorch_model.bin.index.json"]
    assert names(tmp_path / "out") == ["config.json", "model.safetensors", "tokenizer.json"]
    assert load_file(tmp_path / "out/model.safetensors")["weight"].tolist() == [0, 1, 2]


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("name", "revision", "message"),
    [
        ("lab/pickled", REVISION, "as the pickle pytorch_model.bin, which can run code"),
        ("lab/weightless", REVISION, "no \\*.safetensors weights and no pytorch_model.bin"),
        ("lab/none", REVISION, "not found; correct its name"),
        ("lab/gated", REVISION, "gated; ask for access"),
        ("lab/broken", REVISION, "the Hub answered 500"),
        ("lab/tiny", "f" * 40, "no such commit"),
        ("lab//tiny", REVISION, "no name of the Hub"),
    ],
)
def test_models_that_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, revision: str, message: str
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(GraftError, match=message) as caught:
        download_model(name, revision, tmp_path / "out")
    assert name in str(caught.value)
    assert revision in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("hub")
def test_no_hub_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(GraftError, match="the Hub cannot be reached"):
        download_model("lab/tiny", REVISION, tmp_path / "out")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(GraftError, match="HF_HUB_OFFLINE forbids the network; unset it"):
        download_model("lab/tiny", REVISION, tmp_path / "out")


@pytest.mark.usefixtures("hub")
def test_a_dataset_by_its_card(tmp_path: Path) -> None:
    rows = download_dataset("lab/reviews", REVISION, "plain", None, tmp_path / "out")
    assert rows == {"train": 40, "validation": 40}
    assert names(tmp_path / "out") == ["train.parquet", "validation.parquet"]
    with pytest.raises(GraftError, match="no train"):
        download_dataset("lab/reviews", REVISION, "heldout", None, tmp_path / "out")
    with pytest.raises(GraftError, match="'other' not found"):
        download_dataset("lab/reviews", REVISION, "other", None, tmp_path / "out")


@pytest.mark.usefixtures("hub")
def test_files_of_a_dataset_tell_their_splits_and_the_bytes_are_stable(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        rows = download_dataset("lab/splits", REVISION, None, ["train.csv", "test.csv"], tmp_path / folder)
        assert rows == {"train": 40, "test": 40}
    for name in ("train.parquet", "test.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    with pytest.raises(GraftError, match="cannot be read as a dataset"):
        download_dataset("lab/splits", REVISION, None, ["none.csv"], tmp_path / "three")


def test_names_of_classes_take_the_place_of_their_numbers(tmp_path: Path) -> None:
    features = Features({"text": Value("string"), "label": ClassLabel(names=["bad", "good"])})
    rows = Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, -1]}, features=features)
    assert _write_splits("x", {"train": rows, "dev": rows, "unsupervised": rows}, tmp_path) == {
        "train": 3,
        "validation": 3,
    }
    assert pq.read_table(tmp_path / "train.parquet")["label"].to_pylist() == ["good", "bad", None]
    with pytest.raises(GraftError, match="splits dev and no train"):
        _write_splits("x", {"dev": rows}, tmp_path)


@pytest.mark.parametrize("several", [List, LargeList])
def test_names_of_classes_stand_in_lists_of_them_too(tmp_path: Path, several: type) -> None:
    features = Features({"text": Value("string"), "labels": several(ClassLabel(names=["anger", "joy", "love"]))})
    given = {"text": ["a", "b", "c", "d"], "labels": [[2, 0], [], None, [1]]}
    _write_splits("x", {"train": Dataset.from_dict(given, features=features)}, tmp_path)
    labels = pq.read_table(tmp_path / "train.parquet")["labels"].to_pylist()
    assert labels == [["love", "anger"], [], None, ["joy"]]


def test_files_and_config_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="config and files exclude each other"):
        HubData(source="hub", dataset="a/b", revision=REVISION, text="t", label="l", config="c", files=["f"])
