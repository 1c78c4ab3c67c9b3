"""A model that is pretrained here learns, is measured as it says, and ends the same if it is killed on the way."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, BertConfig, BertForMaskedLM, PreTrainedTokenizerFast
from transformers.modeling_outputs import MaskedLMOutput

from pipeline.errors import GraftError
from pipeline.models.masked import load_masked_model, new_masked_model
from pipeline.pretraining import trainer
from pipeline.pretraining.masking import Masks
from pipeline.pretraining.measure import LOST, STRIDE, bits_per_byte
from pipeline.pretraining.packing import NO_WORD, Packed, pack
from pipeline.pretraining.trainer import PackedDataset, VisitSampler, pretrain
from pipeline.settings.pretraining import PretrainingConfig
from pipeline.training import resume
from pipeline.training.folder import publish_model
from pipeline.training.machine import seed_everything
from tests.conftest import rename_weights

SIZES = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
CONFIG = {"model_type": "bert", "max_position_embeddings": 64, **SIZES}
# The third word of each follows from the first two.
TEXTS = ["the good film", "a bad book", "it was awful", "so very fine"] * 30


def train(tokenizer: PreTrainedTokenizerFast, work: Path, **changes):
    settings = {"source": "data/prepared/transfer.parquet", "tokenizer": "x", "config": CONFIG, "steps": 60}
    settings |= {"batch_size": 8, "length": 16, "learning_rate": 0.01, "evaluations": 4, "precision": "fp32"}
    config = PretrainingConfig(**settings | changes)
    seed_everything(config.seed)
    model = new_masked_model(config.config, tokenizer, config.length)
    masks = Masks(config.masking, config.rate, tokenizer.mask_token_id, np.arange(5, len(tokenizer)))
    packed, held_out = pack(tokenizer, TEXTS, 16), pack(tokenizer, TEXTS[:8], 16)
    before = bits_per_byte(model, held_out, masks.mask_token_id, 8)
    trained = pretrain(model, packed, held_out, masks, config, work)
    return trained, before, bits_per_byte(trained.model, held_out, masks.mask_token_id, 8)


def test_it_learns_and_finetuning_finds_its_encoder(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    trained, before, after = train(tokenizer, tmp_path / "work")
    assert after < 0.7 * before
    assert list(trained.curve.columns) == ["step", "epoch", "train_loss", "validation_loss"]
    assert trained.curve["step"].tolist() == [15, 30, 45, 60]
    assert trained.summary["best_validation_loss"] == pytest.approx(trained.curve["validation_loss"].min(), abs=1e-5)
    publish_model(tmp_path / "model", trained, tokenizer)
    encoder = AutoModel.from_pretrained(tmp_path / "model")
    weight = trained.model.get_input_embeddings().weight
    torch.testing.assert_close(encoder.get_input_embeddings().weight, weight)
    again = load_masked_model(tmp_path / "model", tokenizer, 16)
    ids = torch.tensor([[2, 5, 4, 3]])
    torch.testing.assert_close(again.eval()(ids).logits, trained.model(ids).logits)


@pytest.mark.parametrize("masking", ["words", "spans"])
def test_killed_and_taken_up_it_ends_with_the_same_bytes(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, masking: str
) -> None:
    settings = {"steps": 21, "config": CONFIG | {"hidden_dropout_prob": 0.2}, "masking": masking}
    whole, _, _ = train(tokenizer, tmp_path / "whole", **settings)
    monkeypatch.setattr(resume, "SECONDS", 0.0)
    monkeypatch.setattr(resume, "TIMES", 0.0)
    sealed = resume.seal
    made: list[Path] = []

    def seal(folder: Path) -> None:
        sealed(folder)
        made.append(folder)
        if len(made) == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr(resume, "seal", seal)
    # What ends in the middle of a checkpoint leaves the one before.
    with pytest.raises(KeyboardInterrupt):
        train(tokenizer, tmp_path / "killed", **settings)
    again, _, _ = train(tokenizer, tmp_path / "killed", **settings)
    assert "7 of them in an earlier run" in again.course
    assert again.curve.equals(whole.curve)
    for name, each in whole.model.state_dict().items():
        assert torch.equal(each, again.model.state_dict()[name]), name


def test_a_student_learns_likewise(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    config = {"architecture": "bilstm", "embedding_size": 16, "hidden_size": 16, "dropout": 0.0, "word_dropout": 0.0}
    trained, before, after = train(tokenizer, tmp_path / "work", config=config)
    assert after < 0.7 * before
    publish_model(tmp_path / "model", trained, tokenizer)
    again = load_masked_model(tmp_path / "model", tokenizer, 16)
    ids = torch.tensor([[2, 5, 4, 3]])
    mask = torch.ones_like(ids)
    torch.testing.assert_close(again.eval()(ids, mask).logits, trained.model(ids, mask).logits)


def test_the_loss_is_that_of_the_model_and_memory_is_given_back(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses: list[tuple[float, float]] = []
    asked: list[bool] = []
    own = trainer.PretrainingTrainer.compute_loss

    def compare(self, model, inputs, *options, **more):
        found = own(self, model, inputs, *options, **more)
        loss = found[0] if isinstance(found, tuple) else found
        if not model.training:
            losses.append((float(loss), float(model(**inputs).loss)))
        return found

    monkeypatch.setattr(trainer.PretrainingTrainer, "compute_loss", compare)
    monkeypatch.setattr(trainer, "return_freed_blocks", lambda: asked.append(True))
    train(tokenizer, tmp_path / "work", steps=4)
    assert losses
    for found, wanted in losses:
        assert found == pytest.approx(wanted, rel=1e-5)
    assert asked == [True]


class Even(BertForMaskedLM):
    """Knows nothing: every token is as likely as any other; what it was asked is kept."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.read: list[np.ndarray] = []

    def forward(self, input_ids, attention_mask):
        self.read.append(input_ids.numpy().copy())
        return MaskedLMOutput(logits=torch.zeros(*input_ids.shape, self.config.vocab_size))


def test_every_token_is_guessed_once_and_lost_bytes_cost_what_they_are(tokenizer: PreTrainedTokenizerFast) -> None:
    packed = pack(tokenizer, [*TEXTS, "good zebra"], 20)
    model = Even(BertConfig(vocab_size=len(tokenizer), **SIZES))
    found = bits_per_byte(model, packed, tokenizer.mask_token_id, 7)
    bits = packed.tokens * math.log2(len(tokenizer)) + LOST * len("zebra")
    assert found == pytest.approx(bits / packed.bytes)
    hidden = sum((each == tokenizer.mask_token_id).sum() for each in model.read)
    assert hidden == packed.tokens
    own = packed.words != NO_WORD
    for each in model.read:
        assert (each == tokenizer.mask_token_id).sum(axis=1).max() <= -(-own.sum(axis=1).max() // STRIDE)


def test_every_sequence_is_visited_as_often_as_the_others() -> None:
    visits = list(VisitSampler(10, 35, 3))
    assert len(visits) == len(set(visits)) == 35
    for start in (0, 10, 20):
        assert sorted(visits[start : start + 10]) == list(range(start, start + 10))
    assert visits[:10] != sorted(visits[:10])
    assert visits == list(VisitSampler(10, 35, 3)) != list(VisitSampler(10, 35, 4))
    assert len(PackedDataset(Packed(np.zeros((10, 4)), np.zeros((10, 4)), 0, 1, 0), 1)) == 10


def test_a_model_that_cannot_go_on_gets_one_line(
    tokenizer: PreTrainedTokenizerFast, pretrained: Path, tmp_path
) -> None:
    assert load_masked_model(pretrained, tokenizer, 64).config.model_type == "bert"
    with pytest.raises(GraftError, match="length is 65, more than the number of positions"):
        load_masked_model(pretrained, tokenizer, 65)
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(GraftError, match=str(tmp_path)):
        load_masked_model(tmp_path, tokenizer, 16)


def test_weights_of_another_model_do_not_go_on_as_random_ones(
    pretrained: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    rename_weights(pretrained, tmp_path / "other")
    with pytest.raises(GraftError, match=r"weights in .*other are not those of its config.json: .* are missing"):
        load_masked_model(tmp_path / "other", tokenizer, 16)
