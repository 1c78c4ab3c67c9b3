"""Tables and pretrained models that lie in a folder of this machine."""

import json
import shutil
from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.errors import GraftError
from pipeline.weights import check_weights, find_pickles

FORMATS = (".csv", ".tsv", ".jsonl", ".parquet")
SPLITS = ("train", "validation", "test")

# Weights in safetensors only: a pickle runs code when it is read, and so would a *.py of the model.
MODEL_FILES = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt", "*.model",
    "*.safetensors", "*.safetensors.index.json",
)  # fmt: skip
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")


def copy_table(path: Path, folder: Path) -> None:
    """Copy a table to ``data.<format>``, or the train, validation and test tables of a folder, into ``folder``."""
    if path.is_dir():
        tables = [table for split in SPLITS for table in _tables_of(path, split)]
        if not any(table.stem == "train" for table in tables):
            raise GraftError(
                f"{path} holds no train table; put train{FORMATS[0]} (or {', '.join(FORMATS[1:])}) there, "
                "or set data.path to the table itself"
            )
        targets = {table: f"{table.stem}{table.suffix}" for table in tables}
    elif path.is_file():
        if find_pickles([path.name]):
            raise GraftError(
                f"{path} is a pickle or an array, which is not read: it can run code; where you trust it, load it "
                "and write it anew with DataFrame.to_parquet"
            )
        if path.suffix not in FORMATS:
            raise GraftError(f"{path} is no table that can be read; data.path allows {', '.join(FORMATS)}")
        targets = {path: f"data{path.suffix}"}
    else:
        raise GraftError(f"{path} is missing; set data.path to a table, or to a folder with a train table")
    folder.mkdir(parents=True, exist_ok=True)
    for table, name in targets.items():
        shutil.copyfile(table, folder / name)


def _tables_of(folder: Path, split: str) -> list[Path]:
    found = [folder / f"{split}{suffix}" for suffix in FORMATS if (folder / f"{split}{suffix}").is_file()]
    if len(found) > 1:
        names = ", ".join(table.name for table in found)
        raise GraftError(f"{folder} holds {names}; keep one of them, it is not clear which is meant")
    return found


def is_model_file(name: str) -> bool:
    """Say whether a file directly inside a model's folder belongs to what is kept of it."""
    return any(fnmatchcase(name, pattern) and "/" not in name for pattern in MODEL_FILES)


def copy_model(path: Path, folder: Path) -> None:
    """Copy configuration, tokenizer and safetensors weights of a pretrained model into ``folder``."""
    check_model(path)
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(path.iterdir()):
        if file.is_file() and is_model_file(file.name):
            shutil.copyfile(file, folder / file.name)


def check_model(path: Path) -> None:
    """Raise GraftError unless ``path`` holds a configuration, a tokenizer and complete safetensors weights."""
    if path.is_file():
        what = "a pickle, which is not read: it can run code" if find_pickles([path.name]) else "a file"
        raise GraftError(f"{path} is {what}; set `path` to a folder that `save_pretrained` wrote")
    if not path.is_dir():
        raise GraftError(f"{path} is missing; set `path` to the folder of the pretrained model")
    names = sorted(file.name for file in path.iterdir() if file.is_file())
    if "config.json" not in names:
        raise GraftError(f"{path} holds no config.json; a model written by `save_pretrained` has one")
    check_weights(path)
    if not _any(names, TOKENIZER_FILES):
        raise GraftError(f"{path} holds no tokenizer; add its {', '.join(TOKENIZER_FILES)} with `save_pretrained`")
    _check_shards(path, names)


def _check_shards(path: Path, names: list[str]) -> None:
    for name in names:
        if not name.endswith(".safetensors.index.json"):
            continue
        try:
            shards = set(json.loads((path / name).read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise GraftError(f"{path / name} is no index of weights; copy the model again") from error
        if missing := sorted(str(shard) for shard in shards if shard not in names):
            raise GraftError(f"{path} lacks {missing[0]}, which {name} lists; copy the model again")


def _any(names: list[str], patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
