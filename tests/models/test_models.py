"""What every architecture promises: padding changes nothing, saving changes nothing, wrong settings are refused."""

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.models.encoder import load_pretrained_encoder
from pipeline.models.registry import architectures, configure, load_model, student

DISTILBERT = {"model_type": "distilbert", "dim": 32, "n_heads": 2, "n_layers": 2, "hidden_dim": 64}
STUDENTS = [
    ("bilstm", {"embedding_size": 12, "hidden_size": 8}),
    ("bilstm", {"embedding_size": 12, "hidden_size": 8, "num_layers": 2}),
    ("textcnn", {"embedding_size": 12, "filters": 6, "widths": [1, 2, 4]}),
    ("textcnn", {"embedding_size": 12, "filters": 6, "widths": [1, 2], "blocks": 3}),
    ("static", {"embedding_size": 12, "hidden_size": 8}),
    ("encoder", DISTILBERT),
    ("encoder", DISTILBERT | {"pooling": "attention"}),
]
LABELS = ["negative", "neutral", "positive"]
IDS = torch.tensor([[2, 5, 6, 7, 8, 3], [2, 9, 3, 0, 0, 0], [2, 3, 0, 0, 0, 0]])
MASK = (IDS != 0).long()


@pytest.mark.parametrize(("architecture", "settings"), STUDENTS)
def test_padding_changes_nothing(architecture: str, settings: dict, tokenizer: PreTrainedTokenizerFast) -> None:
    model = student(architecture, settings, tokenizer, LABELS).eval()
    batch = model(IDS, MASK)
    alone = model(IDS[1:2, :3], MASK[1:2, :3])
    torch.testing.assert_close(batch.logits[1:2], alone.logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(batch.pooled[1:2], alone.pooled, atol=1e-5, rtol=1e-5)
    assert torch.isfinite(batch.logits).all()


@pytest.mark.parametrize(("architecture", "settings"), STUDENTS)
def test_saved_and_loaded_gives_identical_logits(
    architecture: str, settings: dict, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    model = student(architecture, settings, tokenizer, LABELS).eval()
    model.save_pretrained(tmp_path)
    assert not list(tmp_path.glob("*.bin"))
    loaded = load_model(tmp_path)
    assert torch.equal(loaded(IDS, MASK).logits, model(IDS, MASK).logits)
    assert list(loaded.config.id2label.values()) == LABELS


@pytest.mark.parametrize(("architecture", "settings"), STUDENTS)
def test_loss_is_the_mean_cross_entropy(architecture: str, settings: dict, tokenizer: PreTrainedTokenizerFast) -> None:
    model = student(architecture, settings, tokenizer, LABELS).eval()
    labels = torch.tensor([0, 2, 1])
    output = model(IDS, MASK, labels=labels)
    expected = -output.logits.log_softmax(-1)[range(3), labels].mean()
    torch.testing.assert_close(output.loss, expected)


@pytest.mark.parametrize(("architecture", "settings"), STUDENTS)
def test_every_parameter_is_trained(architecture: str, settings: dict, tokenizer: PreTrainedTokenizerFast) -> None:
    torch.manual_seed(0)
    model = student(architecture, settings, tokenizer, LABELS).train()
    model(IDS, MASK, labels=torch.tensor([0, 2, 1])).loss.backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_word_order_matters_to_all_but_static(tokenizer: PreTrainedTokenizerFast) -> None:
    turned = IDS[:1].flip(1)
    for architecture, settings in STUDENTS:
        model = student(architecture, settings, tokenizer, LABELS).eval()
        same = torch.allclose(model(IDS[:1], MASK[:1]).logits, model(turned, MASK[:1]).logits, atol=1e-6)
        assert same == (architecture == "static"), architecture


def test_the_teacher_keeps_its_pretrained_weights(pretrained: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    from transformers import AutoModel

    teacher = load_pretrained_encoder(pretrained, LABELS, tokenizer).eval()
    encoder = AutoModel.from_pretrained(pretrained).eval()
    states = encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state
    mask = MASK.unsqueeze(-1)
    torch.testing.assert_close(teacher(IDS, MASK).pooled, (states * mask).sum(1) / mask.sum(1))


@pytest.mark.parametrize(
    ("architecture", "settings", "message"),
    [
        ("bilstm", {"hiden_size": 8}, "hiden_size is not a setting of bilstm; allowed: dropout, embedding_size"),
        ("bilstm", {"hidden_size": "wide"}, "hidden_size"),
        ("bilstm", {"hidden_size": 0}, "hidden_size is 0: must be at least 1"),
        ("static", {"dropout": 1.5}, "dropout is 1.5: must be at least 0 and below 1"),
        ("textcnn", {"widths": []}, "must list at least one width"),
        ("textcnn", {"blocks": -1}, "must be 0 to 12"),
        ("perceptron", {}, "architecture is 'perceptron'; allowed: bilstm, encoder, static, textcnn"),
        ("encoder", {}, "model_type is missing"),
        ("encoder", {"model_type": "distilbert", "depth": 2}, "depth is not a setting of distilbert"),
        ("encoder", {"model_type": "nobert"}, "model_type is 'nobert'"),
        ("encoder", DISTILBERT | {"pooling": "max"}, "pooling is 'max'; allowed: mean, attention, first"),
    ],
)
def test_wrong_settings_get_one_line(architecture: str, settings: dict, message: str) -> None:
    with pytest.raises(GraftError, match=message) as caught:
        configure(architecture, settings)
    assert "\n" not in str(caught.value)


def test_a_whole_number_may_stand_for_a_share() -> None:
    found = configure("static", {"dropout": 0, "word_dropout": 0})
    assert (found.dropout, found.word_dropout) == (0.0, 0.0)
    with pytest.raises(GraftError, match="hidden_size"):
        configure("static", {"hidden_size": 8.0})


def test_the_architectures_are_the_files() -> None:
    assert architectures() == ["bilstm", "encoder", "static", "textcnn"]


def test_dilated_blocks_see_as_far_as_their_dilations_add_up_to(tokenizer: PreTrainedTokenizerFast) -> None:
    settings = {"embedding_size": 8, "filters": 4, "widths": [1], "blocks": 4}
    model = student("textcnn", settings, tokenizer, LABELS).eval()
    # All weights alike and nothing below zero: no path through the activations is shut by chance.
    for block in model.blocks:
        block.norm = torch.nn.Identity()
        for parameter in block.parameters():
            torch.nn.init.constant_(parameter, 0.1)
    states = torch.rand(1, 40, 8)
    moved = states.clone()
    moved[0, 0] += 1
    mask = torch.ones(1, 40, 1)
    for block in model.blocks:
        states, moved = block(states, mask), block(moved, mask)
    reached = (states != moved).any(-1)[0].nonzero().flatten()
    assert int(reached.max()) == 1 + 2 + 4 + 8
