"""A student that is pretrained guesses from its neighbours, and starts what it will be from all it has learnt."""

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.models.masked import load_masked_model, masked_config, new_masked_model
from pipeline.models.registry import student
from pipeline.pretraining.guessing import guess, reads_alone
from pipeline.transfer.pretrained_start import start_from
from tests.conftest import rename_weights

IDS = torch.tensor([[5, 6, 7, 8, 9, 10], [11, 12, 13, 0, 0, 0]])
MASK = (IDS != 0).long()
SIZES = {
    "bilstm": {"embedding_size": 12, "hidden_size": 8},
    "textcnn": {"embedding_size": 12, "blocks": 1, "filters": 8, "widths": [1, 3]},
}


@pytest.mark.parametrize("architecture", SIZES)
def test_it_is_trained_saved_and_taken_up(
    architecture: str, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = new_masked_model({"architecture": architecture, **SIZES[architecture]}, tokenizer, 16).eval()
    assert reads_alone(model, IDS, MASK)
    asked = torch.tensor([[0, 1, 0, 0, 1, 0], [1, 0, 0, 0, 0, 0]]).bool()
    scores = guess(model, IDS, MASK, asked, alone=True)
    torch.testing.assert_close(scores, guess(model, IDS, MASK, asked, alone=False))
    other = IDS.clone()
    other[0, 0] = 14
    assert not torch.allclose(guess(model, other, MASK, asked, alone=True)[0], scores[0]), "it sees its neighbours"
    model.save_pretrained(tmp_path)
    torch.testing.assert_close(guess(load_masked_model(tmp_path, tokenizer, 16).eval(), IDS, MASK, asked, True), scores)
    torch.manual_seed(1)
    begun = student(architecture, SIZES[architecture], tokenizer, ["bad", "good", "so so"]).eval()
    before = begun.classifier.weight.clone()
    copied = start_from(begun, tmp_path)
    head = {"classifier.weight", "classifier.bias"}
    own = {name: value for name, value in begun.state_dict().items() if name not in head}
    assert copied == sum(value.numel() for value in own.values())
    for name, value in own.items():
        assert torch.equal(value, model.student.state_dict()[name]), name
    assert torch.equal(begun.classifier.weight, before)


def test_an_encoder_starts_from_one_of_its_kind(pretrained: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    settings = {"model_type": "bert", "max_position_embeddings": 64, **sizes}
    begun = student("encoder", settings, tokenizer, ["bad", "good"])
    copied = start_from(begun, pretrained)
    assert copied == sum(value.numel() for value in begun.encoder.state_dict().values())
    again = student("encoder", settings, tokenizer, ["bad", "good"])
    start_from(again, pretrained)
    for name, value in begun.encoder.state_dict().items():
        assert torch.equal(value, again.encoder.state_dict()[name]), name
    larger = student("encoder", settings | {"intermediate_size": 128}, tokenizer, ["bad", "good"])
    with pytest.raises(GraftError, match=r"does not fit: .* is \[64, 32\] there, \[128, 32\] in the student"):
        start_from(larger, pretrained)


def test_no_encoder_starts_from_random_weights_that_stand_in_for_others(
    pretrained: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    rename_weights(pretrained, tmp_path / "other")
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    settings = {"model_type": "bert", "max_position_embeddings": 64, **sizes}
    with pytest.raises(GraftError, match=r"weights in .*other are not those of its config.json: .* are missing"):
        start_from(student("encoder", settings, tokenizer, ["bad", "good"]), tmp_path / "other")


def test_what_does_not_fit_gets_one_line(pretrained: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    new_masked_model({"architecture": "bilstm", **SIZES["bilstm"]}, tokenizer, 16).save_pretrained(tmp_path)
    wider = student("bilstm", SIZES["bilstm"] | {"hidden_size": 9}, tokenizer, ["bad", "good"])
    with pytest.raises(GraftError, match=r"does not fit: forwards.0.weight_ih_l0 is .32, 12. there, .36, 12. in the"):
        start_from(wider, tmp_path)
    other = student("textcnn", SIZES["textcnn"], tokenizer, ["bad", "good"])
    with pytest.raises(GraftError, match=r"does not fit: blocks.0.norm.weight is missing there"):
        start_from(other, tmp_path)
    with pytest.raises(GraftError, match="is no model of the student's architecture"):
        start_from(wider, pretrained)


def test_a_student_that_sees_no_neighbours_cannot_be_pretrained() -> None:
    with pytest.raises(GraftError, match="config: architecture is 'static', whose tokens see no neighbours"):
        masked_config({"architecture": "static"}, 16)
    with pytest.raises(GraftError, match="config: hiden_size is not a setting of bilstm"):
        masked_config({"architecture": "bilstm", "hiden_size": 8}, 16)
