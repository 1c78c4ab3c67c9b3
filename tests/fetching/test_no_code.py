"""Nothing that is fetched can run: no pickle is read, no code beside a model is imported."""

import json
import os
import pickle
import shutil
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch

from pipeline.artifacts import read_array
from pipeline.errors import GraftError
from pipeline.fetching.local import copy_model, copy_table
from pipeline.models.encoder import load_pretrained_encoder
from pipeline.models.registry import load_model
from pipeline.prediction.loading import load_classifier
from pipeline.tokens.encoding import load_tokenizer


class Trap:
    """Unpickled, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


def write_pickle(path: Path, trap: Trap) -> None:
    if path.suffix == ".joblib":
        joblib.dump(trap, path)
    elif path.suffix == ".npy":
        np.save(path, np.array([trap], dtype=object), allow_pickle=True)
    elif path.suffix in (".bin", ".pt"):
        torch.save({"weight": trap}, path)
    else:
        path.write_bytes(pickle.dumps(trap))


NAMES = ("pytorch_model.bin", "model.pt", "model.joblib", "model.npy", "model.pkl")


@pytest.mark.parametrize("name", NAMES)
def test_weights_in_a_pickle_are_refused_with_the_way_to_convert_them(
    pretrained: Path, tmp_path: Path, name: str
) -> None:
    sprung = tmp_path / "sprung"
    folder = Path(shutil.copytree(pretrained, tmp_path / "model"))
    (folder / "model.safetensors").unlink()
    write_pickle(folder / name, Trap(sprung))
    readers = [
        lambda: copy_model(folder, tmp_path / "copy"),
        lambda: load_model(folder),
        lambda: load_classifier(folder),
        lambda: load_pretrained_encoder(folder, ["a", "b"], load_tokenizer(folder)),
    ]
    for read in readers:
        with pytest.raises(
            GraftError, match=f"weights as the pickle {name}, which can run code.*save_pretrained it anew"
        ):
            read()
    assert not sprung.exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_pickle_is_no_table_no_model_and_no_array(tmp_path: Path, name: str) -> None:
    sprung = tmp_path / "sprung"
    write_pickle(tmp_path / name, Trap(sprung))
    with pytest.raises(GraftError, match=r"is a pickle or an array, .* write it anew with DataFrame\.to_parquet"):
        copy_table(tmp_path / name, tmp_path / "raw")
    with pytest.raises(GraftError, match="is a pickle, which is not read"):
        copy_model(tmp_path / name, tmp_path / "copy")
    with pytest.raises(GraftError, match="no array of plain numbers; pickled objects are not read"):
        read_array(tmp_path / name)
    assert not sprung.exists()


@pytest.mark.parametrize("known", [True, False])
def test_code_beside_a_model_is_neither_copied_nor_run(pretrained: Path, tmp_path: Path, known: bool) -> None:
    sprung = tmp_path / "sprung"
    folder = Path(shutil.copytree(pretrained, tmp_path / "model"))
    (folder / "evil.py").write_text(f"import os; os.mkdir({str(sprung)!r})\nclass Evil: pass\n")
    names = ("AutoConfig", "AutoModel", "AutoModelForSequenceClassification", "AutoTokenizer")
    for file in ("config.json", "tokenizer_config.json"):
        content = json.loads((folder / file).read_text())
        content["auto_map"] = {name: ["evil.Evil", "evil.Evil"] if "Tok" in name else "evil.Evil" for name in names}
        if not known and file == "config.json":
            content["model_type"] = "evil"
        (folder / file).write_text(json.dumps(content))
    copy_model(folder, tmp_path / "copy")
    assert not list((tmp_path / "copy").glob("*.py"))
    for place in (folder, tmp_path / "copy"):
        if known:
            load_pretrained_encoder(place, ["a", "b"], load_tokenizer(place))
            load_model(place)
        else:
            for read in (load_model, lambda place: load_pretrained_encoder(place, ["a"], load_tokenizer(pretrained))):
                with pytest.raises(GraftError, match="holds no model that can be loaded") as caught:
                    read(place)
                assert "\n" not in str(caught.value)
    assert not sprung.exists()


def test_weights_that_are_cut_short_are_one_line(pretrained: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(pretrained, tmp_path / "model"))
    whole = (folder / "model.safetensors").read_bytes()
    for length in (0, 7, 100, len(whole) - 1):
        (folder / "model.safetensors").write_bytes(whole[:length])
        with pytest.raises(GraftError, match="holds no model that can be loaded"):
            load_model(folder)
        with pytest.raises(GraftError, match="holds no model that can be loaded"):
            load_pretrained_encoder(folder, ["a", "b"], load_tokenizer(folder))
    (folder / "model.safetensors").write_bytes(whole)
    smaller = json.loads((folder / "config.json").read_text()) | {"hidden_size": 8}
    for content in ("{", "[]", json.dumps(smaller)):
        (folder / "config.json").write_text(content)
        with pytest.raises(GraftError, match="holds no model that can be loaded") as caught:
            load_model(folder)
        assert "\n" not in str(caught.value)
