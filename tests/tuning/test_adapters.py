"""LoRA learns beside the weights, and is one with them before anyone else sees the model."""

from pathlib import Path

import pytest
import torch

from pipeline.errors import GraftError
from pipeline.models.registry import load_model
from pipeline.settings.tuning import LoraConfig
from pipeline.transfer.layers import copy_layers
from pipeline.tuning.adapters import add_adapters
from tests.tuning.conftest import IDS, MASK, Teacher


def test_only_adapters_and_head_learn(teacher: Teacher) -> None:
    model = teacher()
    add_adapters(model, LoraConfig(rank=2, targets=["query", "value"]))
    learning = [name for name, each in model.named_parameters() if each.requires_grad]
    assert len(learning) == 2 * 2 * 2 + 2
    assert {name.split(".")[-3] for name in learning if name.startswith("encoder.")} == {"lora_A", "lora_B"}
    assert {name for name in learning if not name.startswith("encoder.")} == {"classifier.weight", "classifier.bias"}


def test_without_targets_every_linear_layer_that_is_read_has_one(teacher: Teacher) -> None:
    model = teacher()
    add_adapters(model, LoraConfig())
    adapted = {name.split(".lora_")[0] for name, _ in model.named_parameters() if "lora_" in name}
    assert len(adapted) == 2 * 6
    assert not any("pooler" in name for name in adapted)


def test_it_begins_as_the_model_was(teacher: Teacher) -> None:
    before = teacher().eval()(IDS, MASK).logits
    model = teacher()
    add_adapters(model, LoraConfig(rank=4))
    torch.testing.assert_close(model.eval()(IDS, MASK).logits, before)


def test_merged_it_says_what_it_said_and_is_a_model_like_any(teacher: Teacher, tmp_path: Path) -> None:
    plain, model = teacher(), teacher()
    adapters = add_adapters(model, LoraConfig(rank=4, alpha=8.0, dropout=0.1))
    torch.manual_seed(1)
    for name, each in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(each, std=0.3)
    said = model.eval()(IDS, MASK)
    assert (said.logits - plain.eval()(IDS, MASK).logits).abs().max() > 1e-3
    adapters.merge_and_unload()
    merged = model(IDS, MASK)
    torch.testing.assert_close(merged.logits, said.logits, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(merged.pooled, said.pooled, rtol=1e-5, atol=1e-6)
    assert list(model.state_dict()) == list(plain.state_dict())
    model.save_pretrained(tmp_path)
    loaded = load_model(tmp_path)
    assert torch.equal(loaded(IDS, MASK).logits, merged.logits)
    # A student takes its layers as it takes those of any teacher.
    student = teacher()
    assert copy_layers(student, [loaded]) == sum(each.numel() for each in student.parameters())


def test_targets_that_are_not_there_get_one_line(teacher: Teacher) -> None:
    with pytest.raises(GraftError, match=r"tuning.lora.targets is \['qery'\], which fits no layer") as caught:
        add_adapters(teacher(), LoraConfig(targets=["qery"]))
    assert "\n" not in str(caught.value)
