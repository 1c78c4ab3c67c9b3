import json
from pathlib import Path

import pytest

from pipeline.errors import GraftError
from pipeline.fetching.local import copy_model, copy_table

MODEL = {"config.json": "{}", "tokenizer.json": "{}", "model.safetensors": "w"}


def place(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_table_becomes_data_and_keeps_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "mine.tsv").write_bytes(b"\xff\xfea\r\n")
    copy_table(tmp_path / "mine.tsv", tmp_path / "out")
    assert (tmp_path / "out/data.tsv").read_bytes() == b"\xff\xfea\r\n"


def test_a_folder_of_splits(tmp_path: Path) -> None:
    source = place(tmp_path / "in", {"train.csv": "a", "test.parquet": "b", "notes.txt": "c", ".gitkeep": ""})
    copy_table(source, tmp_path / "out")
    assert names(tmp_path / "out") == ["test.parquet", "train.csv"]


def test_tables_of_a_folder_that_are_no_split_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Else a test split would be cut from train, and nobody told that the one that is there is not it.
    files = {"train.csv": "a", "dev.jsonl": "b", "test.csv.gz": "c", "validation.csv": "d", "notes.md": "e"}
    copy_table(place(tmp_path / "in", files | {".dev.csv": ""}), tmp_path / "out")
    assert names(tmp_path / "out") == ["train.csv", "validation.csv"]
    assert capsys.readouterr().out == (
        f"{tmp_path / 'in'}: 'dev.jsonl', 'test.csv.gz' not used; the tables of a folder are "
        "train, validation and test, each .csv, .tsv, .jsonl or .parquet\n"
    )


@pytest.mark.parametrize(
    ("files", "name", "message"),
    [
        ({}, "none.csv", "is missing"),
        ({"a.xlsx": ""}, "a.xlsx", r"no table that can be read; data.path allows \.csv, \.tsv, \.jsonl, \.parquet"),
        ({"test.csv": ""}, "", "no train table"),
        ({"train.csv": "", "train.tsv": ""}, "", "keep one of them"),
    ],
)
def test_what_is_no_table(tmp_path: Path, files: dict[str, str], name: str, message: str) -> None:
    with pytest.raises(GraftError, match=message):
        copy_table(place(tmp_path / "in", files) / name, tmp_path / "out")


def test_a_model_without_what_is_not_needed(tmp_path: Path) -> None:
    others = {"README.md": "", "pytorch_model.bin": "", "modeling.py": "", "vocab.py": "", "training_args.bin": ""}
    copy_model(place(tmp_path / "in", MODEL | others), tmp_path / "out")
    assert names(tmp_path / "out") == sorted(MODEL)


def test_a_model_in_shards(tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}})
    files = {"config.json": "{}", "vocab.txt": "", "model.safetensors.index.json": index}
    source = place(tmp_path / "in", files | {"model-1-of-2.safetensors": ""})
    with pytest.raises(GraftError, match=r"lacks model-2-of-2\.safetensors"):
        copy_model(source, tmp_path / "out")
    place(source, {"model-2-of-2.safetensors": ""})
    copy_model(source, tmp_path / "out")
    assert len(names(tmp_path / "out")) == 5
    place(source, {"model.safetensors.index.json": "[]"})
    with pytest.raises(GraftError, match="no index of weights"):
        copy_model(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("without", "extra", "message"),
    [
        ("config.json", "x.txt", r"no config\.json"),
        ("tokenizer.json", "x.txt", "no tokenizer"),
        ("model.safetensors", "x.txt", r"no \*\.safetensors weights"),
        ("model.safetensors", "pytorch_model.bin", "pickle pytorch_model.bin, which can run code.*save_pretrained"),
        ("model.safetensors", "weights.pt", r"pickle weights\.pt"),
    ],
)
def test_what_is_no_model(tmp_path: Path, without: str, extra: str, message: str) -> None:
    files = {name: content for name, content in MODEL.items() if name != without} | {extra: ""}
    with pytest.raises(GraftError, match=message):
        copy_model(place(tmp_path / "in", files), tmp_path / "out")


def test_no_folder_of_a_model(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="is missing"):
        copy_model(tmp_path / "none", tmp_path / "out")
