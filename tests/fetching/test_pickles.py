"""PyTorch's weight files become safetensors at the door; what is no weights, or not read at all, gets one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, BertConfig, BertForMaskedLM, GPT2Config, GPT2LMHeadModel

from pipeline.errors import GraftError
from pipeline.fetching.local import copy_model
from pipeline.models.encoder import load_pretrained_encoder
from pipeline.stages import fetch_model
from pipeline.tokens.encoding import load_tokenizer
from tests.text.conftest import write_params

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def without_weights(pretrained: Path, folder: Path) -> Path:
    shutil.copytree(pretrained, folder)
    (folder / "model.safetensors").unlink()
    return folder


def same(loaded: torch.nn.Module, model: torch.nn.Module) -> None:
    expected = model.state_dict()
    for name, value in loaded.state_dict().items():
        if not name.startswith("pooler."):
            assert torch.equal(value, expected[name]), name


def test_a_file_of_weights_becomes_safetensors_with_shared_tensors_kept(pretrained: Path, tmp_path: Path) -> None:
    folder = without_weights(pretrained, tmp_path / "model")
    model = BertForMaskedLM(BertConfig.from_pretrained(pretrained))
    weights = model.state_dict()
    assert weights["cls.predictions.decoder.weight"].data_ptr() == model.get_input_embeddings().weight.data_ptr()
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "training_args.bin").write_bytes(b"code")
    for name in ("one", "two"):
        copy_model(folder, tmp_path / name)
    assert not list((tmp_path / "one").glob("*.bin"))
    written = (tmp_path / "one/model.safetensors").read_bytes()
    assert written == (tmp_path / "two/model.safetensors").read_bytes()
    stored = load_file(tmp_path / "one/model.safetensors")
    assert stored.keys() == weights.keys()
    assert all(torch.equal(stored[name], weights[name]) for name in weights)
    teacher = load_pretrained_encoder(tmp_path / "one", ["a", "b"], load_tokenizer(tmp_path / "one"))
    same(teacher.encoder, model.bert)


def test_the_embeddings_of_a_decoder_survive_whichever_name_they_share(pretrained: Path, tmp_path: Path) -> None:
    folder = without_weights(pretrained, tmp_path / "model")
    config = GPT2Config(vocab_size=25, n_embd=16, n_layer=1, n_head=2, bos_token_id=2, eos_token_id=3)
    config.save_pretrained(folder)
    model = GPT2LMHeadModel(config)
    torch.save(model.state_dict(), folder / "weights.pt")
    copy_model(folder, tmp_path / "out")
    same(AutoModel.from_pretrained(tmp_path / "out"), model.transformer)


def test_views_and_what_a_training_loop_wraps_around(pretrained: Path, tmp_path: Path) -> None:
    folder = without_weights(pretrained, tmp_path / "model")
    both = torch.arange(6.0).reshape(2, 3)
    weights = {"module.one": both[0], "module.two": both[1], "module.turned": both.T}
    torch.save({"epoch": 3, "state_dict": weights, "name": "x"}, folder / "last.pth")
    copy_model(folder, tmp_path / "out")
    stored = load_file(tmp_path / "out/model.safetensors")
    assert {name: value.tolist() for name, value in stored.items()} == {
        "one": [0, 1, 2],
        "two": [3, 4, 5],
        "turned": [[0, 3], [1, 4], [2, 5]],
    }


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_shards_come_through_the_stage(
    kind: str, pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = without_weights(pretrained, tmp_path / "models/local/mine")
    model = AutoModel.from_pretrained(pretrained)
    model.save_pretrained(folder, max_shard_size="20KB")
    index = folder / "model.safetensors.index.json"
    parts = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    assert len(parts) > 2
    if kind == "bin":
        names: dict[str, str] = {}
        for part in parts:
            weights = load_file(folder / part)
            names |= dict.fromkeys(weights, part.replace("model", "pytorch_model").replace("safetensors", "bin"))
            torch.save(weights, folder / names[next(iter(weights))])
            (folder / part).unlink()
        index.unlink()
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": names}))
    write_params(tmp_path, pretrained={"minilm": {"source": "folder", "path": "models/local/mine"}})
    monkeypatch.chdir(tmp_path)
    fetch_model.main("minilm")
    brought = tmp_path / "models/pretrained/minilm"
    assert sorted(path.name for path in brought.glob("*.safetensors")) == parts
    assert not list(brought.glob("*.bin"))
    same(load_pretrained_encoder(brought, ["a", "b"], load_tokenizer(brought)).encoder, model)
    (folder / next(iter(names.values() if kind == "bin" else parts))).unlink()
    with pytest.raises(GraftError, match=r"lacks .*model-00001-of-.*, which .*lists"):
        fetch_model.main("minilm")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: BertForMaskedLM(BertConfig(vocab_size=25, **SIZES)), "which can run code.*more than tensors"),
        (lambda: torch.jit.script(torch.nn.Linear(2, 2)), "which can run code.*more than tensors"),
        (lambda: [torch.ones(2)], "no weights by name; write them with"),
        (lambda: {"weight": 1.0}, "no weights by name"),
        (lambda: {"weight": torch.ones(2).to_sparse()}, "model.pt cannot be written as safetensors"),
    ],
)
def test_what_is_no_weights(content: Callable[[], Any], message: str, pretrained: Path, tmp_path: Path) -> None:
    folder = without_weights(pretrained, tmp_path / "model")
    value = content()
    save = torch.jit.save if isinstance(value, torch.jit.ScriptModule) else torch.save
    save(value, str(folder / "model.pt"))
    with pytest.raises(GraftError, match=message) as caught:
        copy_model(folder, tmp_path / "out")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["a.bin", "b.pt"], r"holds a\.bin, b\.pt; keep the weights alone"),
        (["bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"], "original TensorFlow checkpoint.*convert_"),
        (["tf_model.h5"], r"TensorFlow or Flax, tf_model\.h5, which are not read.*from_tf=True"),
        (["flax_model.msgpack"], "from_flax=True"),
        (["optimizer.pt", "rng_state.pth"], "holds its weights as the pickle"),
    ],
)
def test_the_way_round(files: list[str], message: str, pretrained: Path, tmp_path: Path) -> None:
    folder = without_weights(pretrained, tmp_path / "model")
    for name in files:
        (folder / name).write_bytes(b"")
    with pytest.raises(GraftError, match=message) as caught:
        copy_model(folder, tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_a_weight_file_is_named_by_its_folder(pretrained: Path, tmp_path: Path) -> None:
    folder = without_weights(pretrained, tmp_path / "model")
    torch.save({"weight": torch.ones(2)}, folder / "mine.pt")
    with pytest.raises(GraftError, match=r"is a pickle, which is not read.*set `path` to its folder, with config"):
        copy_model(folder / "mine.pt", tmp_path / "out")
    copy_model(folder, tmp_path / "out")


def test_weights_of_another_model_are_refused_and_not_replaced_by_random_ones(pretrained: Path, tmp_path: Path) -> None:
    folder = without_weights(pretrained, tmp_path / "model")
    weights = {f"wrapped.{name}": value for name, value in AutoModel.from_pretrained(pretrained).state_dict().items()}
    torch.save(weights, folder / "pytorch_model.bin")
    copy_model(folder, tmp_path / "out")
    with pytest.raises(GraftError, match=r"are not those of its config\.json.*values are missing, such as"):
        load_pretrained_encoder(tmp_path / "out", ["a"], load_tokenizer(tmp_path / "out"))
