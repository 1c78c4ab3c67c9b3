"""A teacher's own configuration, and the vector that it makes of its tokens."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.models.encoder import load_pretrained_encoder
from pipeline.models.registry import load_model
from tests.models.test_models import IDS, LABELS, MASK


def test_dropouts_change_and_weights_stay(pretrained: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    changes = {"attention_probs_dropout_prob": 0.3, "hidden_dropout_prob": 0.0}
    model = load_pretrained_encoder(pretrained, LABELS, tokenizer, changes=changes)
    assert model.encoder.encoder.layer[0].attention.self.dropout.p == 0.3
    assert model.encoder.embeddings.dropout.p == 0.0
    original = AutoModel.from_pretrained(pretrained).state_dict()
    assert all(torch.equal(original[name], value) for name, value in model.encoder.state_dict().items())
    model.save_pretrained(tmp_path)
    assert load_model(tmp_path).config.encoder["attention_probs_dropout_prob"] == 0.3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attention_dropout": 0.1}, "config.attention_dropout is not a setting of bert; allowed: add_cross"),
        ({"num_labels": 4}, "config.num_labels is not a setting of bert"),
        ({"hidden_size": 64}, "config.hidden_size is 64, which changes the shape of pretrained weights"),
        ({"num_hidden_layers": 1}, "config.num_hidden_layers is 1, which changes the shape of pretrained weights"),
        ({"vocab_size": 9}, "config.vocab_size is 9, which changes the shape of pretrained weights"),
        ({"hidden_dropout_prob": "none"}, "config.hidden_dropout_prob is 'none', with which no bert can be built"),
        ({"hidden_dropout_prob": -1.0}, "config.hidden_dropout_prob is -1.0, with which no bert can be built"),
        ({"hidden_act": "sigmund"}, "config.hidden_act is 'sigmund', with which no bert can be built"),
        ({"num_attention_heads": 5}, "config.num_attention_heads is 5, with which no bert can be built"),
    ],
)
def test_what_it_cannot_take_gets_one_line(
    changes: dict[str, Any], message: str, pretrained: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    with pytest.raises(GraftError, match=message) as caught:
        load_pretrained_encoder(pretrained, LABELS, tokenizer, changes=changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("pooling", ["mean", "attention", "first"])
def test_a_pooling_is_what_it_says_and_is_kept(
    pooling: str, pretrained: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    model = load_pretrained_encoder(pretrained, LABELS, tokenizer, pooling=pooling).eval()
    said = model(IDS, MASK)
    mean = (said.tokens * MASK.unsqueeze(-1)).sum(1) / MASK.sum(1, keepdim=True)
    # Attention begins as the mean, and learns to look elsewhere.
    torch.testing.assert_close(said.pooled, said.tokens[:, 0] if pooling == "first" else mean)
    if pooling == "attention":
        torch.nn.init.normal_(model.attention.weight)
        said = model(IDS, MASK)
        scores = (said.tokens @ model.attention.weight[0]).masked_fill(MASK == 0, -torch.inf)
        torch.testing.assert_close(said.pooled, (said.tokens * scores.softmax(1).unsqueeze(-1)).sum(1))
    model.save_pretrained(tmp_path)
    loaded = load_model(tmp_path)
    assert torch.equal(loaded(IDS, MASK).pooled, said.pooled)
    # A teacher that pools by the mean is written as it was before there was a choice.
    assert ("pooling" in json.loads((tmp_path / "config.json").read_text())) == (pooling != "mean")
