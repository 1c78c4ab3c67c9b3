"""Tables and pretrained models that lie in a folder of this machine."""

import json
import shutil
from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.errors import GraftError
from pipeline.weights import check_weights, find_pickles

FORMATS = (".csv", ".tsv", ".jsonl", ".parquet")
SPLITS = ("train", "validation", "test")

# Weights in safetensors: a pickle runs code when it is read, and so would a *.py of the model.
MODEL_FILES = (
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt", "*.model",
    "*.safetensors", "*.safetensors.index.json",
)  # fmt: skip
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")

# PyTorch's weights, which are converted where there are no others: under the names that transformers gave them, or
# whatever a lone file is called. What trainings leave beside them holds none.
TORCH_WEIGHTS, TORCH_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
TORCH_FILES = ("*.bin", "*.pt", "*.pth", TORCH_INDEX)
NO_WEIGHTS = ("training_args.bin", "optimizer.*", "scheduler.*", "scaler.*", "rng_state*.pth")


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
        _tell_unused(path, {table.name for table in tables})
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


def _tell_unused(folder: Path, used: set[str]) -> None:
    """Name what is a table and no split: under its own name a test split, say, which is now cut from train instead."""
    files = sorted(file.name for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    unused = [name for name in files if name not in used and name.removesuffix(".gz").endswith(FORMATS)]
    if unused:
        print(
            f"{folder}: {', '.join(map(repr, unused))} not used; the tables of a folder are "
            f"{', '.join(SPLITS[:-1])} and {SPLITS[-1]}, each {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        )


def is_model_file(name: str) -> bool:
    """Say whether a file directly inside a model's folder belongs to what is kept of it."""
    return any(fnmatchcase(name, pattern) and "/" not in name for pattern in MODEL_FILES)


def is_torch_file(name: str) -> bool:
    """Say whether a file directly inside a model's folder may hold weights that PyTorch wrote, or their index."""
    return _any([name], TORCH_FILES) and not _any([name], NO_WEIGHTS) and "/" not in name


def copy_model(path: Path, folder: Path) -> None:
    """Copy configuration, tokenizer and weights of a pretrained model into ``folder``, the weights as safetensors."""
    torch_files = check_model(path)
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(path.iterdir()):
        if file.is_file() and is_model_file(file.name):
            shutil.copyfile(file, folder / file.name)
    if torch_files:
        # Late: torch takes seconds to import, and most models need none of it here.
        from pipeline.fetching.pickles import convert_weights

        convert_weights(path, torch_files, folder)


def check_model(path: Path) -> list[str]:
    """Raise GraftError unless ``path`` holds a configuration, a tokenizer and complete weights.

    Return PyTorch's weight files, which are to be converted; none where there are safetensors.
    """
    if path.is_file():
        what = "a pickle, which is not read: it can run code" if find_pickles([path.name]) else "a file"
        raise GraftError(f"{path} is {what}; set `path` to its folder, with config.json and tokenizer")
    if not path.is_dir():
        raise GraftError(f"{path} is missing; set `path` to the folder of the pretrained model")
    names = sorted(file.name for file in path.iterdir() if file.is_file())
    torch_files = [] if _any(names, ("*.safetensors",)) else _torch_weights(path, names)
    if not torch_files:
        _check_foreign(path, names)
    if "config.json" not in names:
        raise GraftError(f"{path} holds no config.json; a model written by `save_pretrained` has one")
    if not torch_files:
        check_weights(path)
    if not _any(names, TOKENIZER_FILES):
        raise GraftError(f"{path} holds no tokenizer; add its {', '.join(TOKENIZER_FILES)} with `save_pretrained`")
    for name in names:
        if name.endswith(".safetensors.index.json"):
            _shards(path, name, names)
    return torch_files


def _torch_weights(path: Path, names: list[str]) -> list[str]:
    if TORCH_INDEX in names:
        return _shards(path, TORCH_INDEX, names)
    found = [TORCH_WEIGHTS] if TORCH_WEIGHTS in names else [name for name in names if is_torch_file(name)]
    if len(found) > 1:
        raise GraftError(f"{path} holds {', '.join(found)}; keep the weights alone, it is not clear which is meant")
    return found


def _shards(path: Path, index: str, names: list[str]) -> list[str]:
    """Files that ``index`` lists, all of which must be among ``names``."""
    try:
        shards = set(json.loads((path / index).read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GraftError(f"{path / index} is no index of weights; copy the model again") from error
    if missing := sorted(str(shard) for shard in shards if shard not in names):
        raise GraftError(f"{path} lacks {missing[0]}, which {index} lists; copy the model again")
    return sorted(shards)


def _check_foreign(path: Path, names: list[str]) -> None:
    """Raise GraftError, which says the way round, for TensorFlow's and Flax's weights: nothing here reads them."""
    if _any(names, ("*.safetensors",)):
        return
    for name in names:
        if fnmatchcase(name, "*.ckpt*.index") or fnmatchcase(name, "*.ckpt*.data-*"):
            raise GraftError(
                f"{path} holds an original TensorFlow checkpoint, {name}, which is not read; where TensorFlow and "
                "transformers<5 are installed, run `python -m transformers.models.bert."
                "convert_bert_original_tf_checkpoint_to_pytorch` and put what it writes in its place; copy "
                'bert_config.json to config.json and add "model_type": "bert" there'
            )
        if fnmatchcase(name, "*.h5") or fnmatchcase(name, "*.msgpack"):
            raise GraftError(
                f"{path} holds weights of TensorFlow or Flax, {name}, which are not read; where these and "
                "transformers<5 are installed, load them with AutoModel.from_pretrained(..., from_tf=True) or "
                "from_flax=True and save_pretrained them anew"
            )


def _any(names: list[str], patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
