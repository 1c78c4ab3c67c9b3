"""Models and datasets of the Hugging Face Hub, at a pinned commit."""

import tempfile
from pathlib import Path

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, DatasetDict, LargeList, List, disable_progress_bars, load_dataset
from datasets.exceptions import DatasetsError
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from pipeline.errors import GraftError
from pipeline.fetching.local import MODEL_FILES, SPLITS, TORCH_INDEX, copy_model, is_torch_file

SYNONYMS = {"valid": "validation", "val": "validation", "dev": "validation"}


def download_model(model: str, revision: str, folder: Path) -> None:
    """Bring configuration, tokenizer and weights of a Hub model to ``folder``, the weights as safetensors.

    PyTorch's own weight files are downloaded only where the revision has no safetensors.
    """
    with tempfile.TemporaryDirectory() as temporary:
        snapshot = _snapshot(model, revision, "model", Path(temporary), list(MODEL_FILES), ["*/*"])
        if not any(snapshot.glob("*.safetensors")):
            _snapshot(model, revision, "model", snapshot, ["pytorch_model*.bin", TORCH_INDEX], ["*/*"])
            if not any(is_torch_file(file.name) for file in snapshot.iterdir()):
                raise GraftError(
                    f"{model} at {revision} holds no *.safetensors weights and no pytorch_model.bin; "
                    "choose a revision or a model that has them"
                )
        try:
            copy_model(snapshot, folder)
        except GraftError as error:
            raise GraftError(str(error).replace(str(snapshot), f"{model} at {revision}")) from None


def download_dataset(
    dataset: str, revision: str, config: str | None, files: list[str] | None, folder: Path
) -> dict[str, int]:
    """Bring the splits of a Hub dataset to ``folder`` as Parquet and return the rows of each.

    With ``files`` only these are brought, and their names tell the split. Names of classes take the
    place of their numbers.
    """
    disable_progress_bars()
    with tempfile.TemporaryDirectory() as temporary:
        snapshot = _snapshot(dataset, revision, "dataset", Path(temporary) / "snapshot", files, ["*.py"])
        try:
            loaded = load_dataset(str(snapshot), name=config, cache_dir=str(Path(temporary) / "cache"))
        except (DatasetsError, OSError, ValueError, RuntimeError) as error:
            raise GraftError(f"{dataset} at {revision} cannot be read as a dataset: {_first_line(error)}") from error
        return _write_splits(dataset, loaded, folder)


def _write_splits(name: str, loaded: DatasetDict, folder: Path) -> dict[str, int]:
    splits = {SYNONYMS.get(split, split): rows for split, rows in loaded.items()}
    if "train" not in splits:
        raise GraftError(
            f"{name} has the splits {', '.join(loaded)} and no train; name the training file in data.files"
        )
    for split in splits.keys() - set(SPLITS):
        print(f"{name}: the split {split} is not used")
    folder.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        if split in splits:
            pq.write_table(_with_class_names(splits[split]), folder / f"{split}.parquet", compression="zstd")
    return {split: splits[split].num_rows for split in SPLITS if split in splits}


def _with_class_names(rows: Dataset) -> pa.Table:
    table = rows.with_format("arrow")[:]
    for column, feature in rows.features.items():
        several = isinstance(feature, (List, LargeList))
        classes = feature.feature if several else feature
        if isinstance(classes, ClassLabel):
            cells = table[column].to_pylist()
            if several:
                lists = [None if cell is None else _names(cell, classes) for cell in cells]
                names = pa.array(lists, pa.list_(pa.string()))
            else:
                names = pa.array(_names(cells, classes), pa.string())
            table = table.set_column(table.column_names.index(column), column, names)
    return table.replace_schema_metadata(None)


def _names(numbers: list[int | None], classes: ClassLabel) -> list[str | None]:
    return [classes.names[number] if number is not None and number >= 0 else None for number in numbers]


def _snapshot(name: str, revision: str, kind: str, folder: Path, wanted: list[str] | None, unwanted: list[str]) -> Path:
    what = f"{kind} {name} at {revision}"
    try:
        snapshot_download(
            name, repo_type=kind, revision=revision, local_dir=folder, allow_patterns=wanted, ignore_patterns=unwanted
        )
    except GatedRepoError:
        raise GraftError(f"{what}: gated; ask for access on its page and log in with `hf auth login`") from None
    except RepositoryNotFoundError:
        raise GraftError(f"{what}: not found; correct its name, or log in with `hf auth login` if private") from None
    except RevisionNotFoundError:
        raise GraftError(f"{what}: no such commit; copy the 40 digits from its page") from None
    except HFValidationError:
        raise GraftError(f"{what}: {name!r} is no name of the Hub; it reads owner/name") from None
    except HfHubHTTPError as error:
        raise GraftError(f"{what}: the Hub answered {error.response.status_code}; try again later") from error
    except LocalEntryNotFoundError as error:
        raise GraftError(f"{what}: {_why_unreachable(error)}") from error
    except (httpx2.HTTPError, OSError) as error:
        raise GraftError(f"{what}: {type(error).__name__} while downloading; check the network and the disk") from error
    return folder


def _why_unreachable(error: LocalEntryNotFoundError) -> str:
    if isinstance(error.__cause__, HfHubHTTPError):
        return f"the Hub answered {error.__cause__.response.status_code}; try again later"
    if "HF_HUB_OFFLINE" in str(error):
        return "HF_HUB_OFFLINE forbids the network; unset it, or bring the files in with `source: folder` or `file`"
    return "the Hub cannot be reached; check the network and the proxy, or HF_ENDPOINT"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
