"""A transformer student takes the teacher's layers where they fit."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models
from transformers import BertConfig, DistilBertConfig, PreTrainedTokenizerFast

from pipeline.models.encoder import EncoderConfig, EncoderForSequenceClassification
from pipeline.settings.base import TEACHERS
from pipeline.stages.transfer import _start
from pipeline.transfer.layers import copy_layers, spaced_layers


def bert(layers: int, **changes: int) -> EncoderForSequenceClassification:
    sizes = {"vocab_size": 20, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32} | changes
    config = BertConfig(num_hidden_layers=layers, max_position_embeddings=32, **sizes)
    return EncoderForSequenceClassification(EncoderConfig(encoder={**config.to_diff_dict(), "model_type": "bert"}))


def test_layers_are_evenly_spaced_from_the_first_to_the_last() -> None:
    assert spaced_layers(6, 4) == {0: 0, 1: 1, 2: 3, 3: 5}
    assert spaced_layers(12, 4) == {0: 0, 1: 3, 2: 7, 3: 11}
    assert spaced_layers(6, 1) == {0: 0}
    assert spaced_layers(2, 2) == {0: 0, 1: 1}


def test_a_shallower_student_takes_embeddings_layers_and_head() -> None:
    teacher, student = bert(4), bert(2)
    assert copy_layers(student, [teacher]) == sum(parameter.numel() for parameter in student.parameters())
    for at, layer in enumerate((0, 3)):
        for one, other in zip(
            student.encoder.encoder.layer[at].parameters(),
            teacher.encoder.encoder.layer[layer].parameters(),
            strict=True,
        ):
            assert torch.equal(one, other)
    ids = torch.randint(5, 20, (2, 7))
    alike = bert(4)
    copy_layers(alike, [teacher])
    with torch.no_grad():
        torch.testing.assert_close(
            alike.eval()(ids, torch.ones_like(ids)).logits, teacher.eval()(ids, torch.ones_like(ids)).logits
        )


def test_what_does_not_fit_is_left_as_it_was() -> None:
    teacher, student = bert(2), bert(2, vocab_size=30)
    before = student.encoder.embeddings.word_embeddings.weight.clone()
    copied = copy_layers(student, [teacher])
    assert torch.equal(student.encoder.embeddings.word_embeddings.weight, before)
    assert copied == sum(parameter.numel() for parameter in student.parameters()) - before.numel()


def test_another_family_shares_no_layers() -> None:
    config = DistilBertConfig(vocab_size=20, dim=16, n_layers=1, n_heads=2, hidden_dim=32)
    student = EncoderForSequenceClassification(
        EncoderConfig(encoder={**config.to_diff_dict(), "model_type": "distilbert"})
    )
    before = {name: value.clone() for name, value in student.encoder.transformer.named_parameters()}
    copy_layers(student, [bert(2)])
    assert all(torch.equal(before[name], value) for name, value in student.encoder.transformer.named_parameters())


def test_the_teacher_that_shares_most_is_taken() -> None:
    near, far, student = bert(2), bert(2, hidden_size=32), bert(1)
    assert copy_layers(student, [far, near]) == copy_layers(bert(1), [near])
    assert torch.equal(student.classifier.weight, near.classifier.weight)


def of_words(*words: str) -> PreTrainedTokenizerFast:
    """A tokenizer of 20 words, ``words`` the first of them."""
    every = [*words, *(f"w{at}" for at in range(20 - len(words)))]
    model = models.WordLevel({word: at for at, word in enumerate(every)}, unk_token="[UNK]")
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(model), pad_token="[PAD]", unk_token="[UNK]")


@pytest.mark.parametrize("same", [True, False])
def test_embeddings_come_from_a_teacher_of_the_same_tokens_alone(
    same: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    teacher, student = bert(2), bert(1)
    teacher.save_pretrained(Path(TEACHERS) / "first")
    of_words("[PAD]", "[UNK]", "good", "bad").save_pretrained(Path(TEACHERS) / "first")
    own = of_words("[PAD]", "[UNK]", *(("good", "bad") if same else ("bad", "good")))
    words = student.encoder.embeddings.word_embeddings.weight
    before = words.detach().clone()
    params: Any = SimpleNamespace(teachers=["first"])
    settings: Any = SimpleNamespace(start=TEACHERS, tokenizer="own")
    every = sum(parameter.numel() for parameter in student.parameters())
    assert _start(student, params, settings, own) == every - (0 if same else before.numel())
    assert torch.equal(words, teacher.encoder.embeddings.word_embeddings.weight if same else before)
    assert torch.equal(student.classifier.weight, teacher.classifier.weight)
