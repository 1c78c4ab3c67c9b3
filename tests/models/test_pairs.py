"""Models that read two texts: padding changes nothing, each text counts, and so does which is which."""

from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.models import registry
from pipeline.models.encoder import load_pretrained_encoder
from pipeline.models.registry import load_model, student
from pipeline.models.student import StudentModel
from pipeline.task import Task
from tests.models.test_models import LABELS, STUDENTS

OWN = [each for each in STUDENTS if each[0] != "encoder"]
BERT = ("encoder", {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
                    "intermediate_size": 64})  # fmt: skip
IDS = torch.tensor([[2, 5, 6, 3, 7, 8, 9, 3], [2, 9, 3, 5, 3, 0, 0, 0], [2, 7, 8, 9, 3, 5, 6, 3]])
TYPES = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, 1]])
MASK = (IDS != 0).long()


def build(architecture: str, settings: dict, tokenizer: PreTrainedTokenizerFast) -> StudentModel:
    torch.manual_seed(0)
    return student(architecture, settings, tokenizer, LABELS, pairs=True).eval()


@pytest.mark.parametrize(("architecture", "settings"), [*OWN, BERT])
def test_padding_changes_nothing_and_every_text_counts(
    architecture: str, settings: dict, tokenizer: PreTrainedTokenizerFast
) -> None:
    model = build(architecture, settings, tokenizer)
    batch = model(IDS, MASK, token_type_ids=TYPES)
    alone = model(IDS[1:2, :5], MASK[1:2, :5], token_type_ids=TYPES[1:2, :5])
    torch.testing.assert_close(batch.logits[1:2], alone.logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(batch.tokens[1:2, :5], alone.tokens, atol=1e-5, rtol=1e-5)
    for place in (1, 5):
        other = IDS[:1].clone()
        other[0, place] = 10
        assert not torch.allclose(model(other, MASK[:1], token_type_ids=TYPES[:1]).logits, batch.logits[:1])
    assert not torch.allclose(batch.logits[0], batch.logits[2], atol=1e-4), "the order of the two is lost"


@pytest.mark.parametrize(("architecture", "settings"), OWN)
def test_a_student_reads_each_text_alone(architecture: str, settings: dict, tokenizer: PreTrainedTokenizerFast) -> None:
    model = build(architecture, settings, tokenizer)
    assert model.comparison is not None
    first, states = model.read(IDS[:1, :4], MASK[:1, :4])
    second, others = model.read(IDS[:1, 4:], MASK[:1, 4:])
    found = model(IDS[:1], MASK[:1], token_type_ids=TYPES[:1])
    torch.testing.assert_close(found.pooled, model.comparison(first, second), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.tokens, torch.cat([states, others], dim=1), atol=1e-5, rtol=1e-5)
    assert found.pooled.shape[1] == model.classifier.in_features


@pytest.mark.parametrize(("architecture", "settings"), [*OWN, BERT])
def test_all_of_it_learns_and_is_saved(
    architecture: str, settings: dict, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    model = build(architecture, settings, tokenizer)
    Task("single_label", LABELS, pairs=True).describe(model.config)
    model.train()(IDS, MASK, torch.tensor([0, 2, 1]), TYPES).loss.backward()
    assert [name for name, each in model.named_parameters() if each.grad is None and "pooler" not in name] == []
    model.eval().save_pretrained(tmp_path)
    loaded = load_model(tmp_path)
    assert loaded.config.pairs is True
    said = [each(IDS, MASK, token_type_ids=TYPES).logits for each in (loaded, model)]
    assert torch.equal(*said)


@pytest.mark.parametrize(("architecture", "settings"), [*OWN, BERT])
def test_of_single_texts_the_configuration_says_nothing(
    architecture: str, settings: dict, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    model = student(architecture, settings, tokenizer, LABELS)
    model.save_pretrained(tmp_path)
    assert "pairs" not in (tmp_path / "config.json").read_text(encoding="utf-8")
    assert "comparison" not in dict(model.named_modules())


def test_a_teacher_is_told_which_text_a_token_is_of(pretrained: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    teacher = load_pretrained_encoder(pretrained, LABELS, tokenizer).eval()
    assert teacher.knows_types
    states = teacher.encoder(input_ids=IDS, attention_mask=MASK, token_type_ids=TYPES).last_hidden_state
    torch.testing.assert_close(teacher(IDS, MASK, token_type_ids=TYPES).tokens, states)
    assert not torch.allclose(teacher(IDS, MASK).logits, teacher(IDS, MASK, token_type_ids=TYPES).logits)


def test_an_architecture_that_reads_single_texts_alone_is_refused(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = registry.load_architecture("static")

    class Single(module.MODEL):  # type: ignore[name-defined, misc]
        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: None = None) -> nn.Module:
            raise NotImplementedError

    monkeypatch.setattr(module, "MODEL", Single)
    with pytest.raises(GraftError, match="architecture static reads no pairs of texts; define its `read`"):
        student("static", {}, tokenizer, LABELS, pairs=True)
    with pytest.raises(GraftError, match="pairs is not a setting of static"):
        registry.configure("static", {"pairs": True})
