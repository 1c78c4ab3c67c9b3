"""The head that guesses tokens, given the states that are asked for alone, scores as it does given all of them."""

import pytest
import torch
from transformers import AutoModelForMaskedLM, BertConfig, BertForMaskedLM

from pipeline.models.masked import masked_config
from pipeline.pretraining.guessing import guess, reads_alone

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
ARCHITECTURES = {
    "bert": SIZES,
    "roberta": SIZES,
    "albert": SIZES | {"embedding_size": 16},
    "electra": SIZES,
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "deberta-v2": SIZES,
    "modernbert": SIZES | {"max_position_embeddings": 64},
    "mpnet": SIZES,
    "roformer": SIZES,
}
IDS = torch.tensor([[5, 6, 7, 8, 9, 10, 11], [12, 13, 14, 15, 0, 0, 0]])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_few_states_are_scored_as_all_are(architecture: str) -> None:
    torch.manual_seed(0)
    model = AutoModelForMaskedLM.from_config(
        masked_config({"model_type": architecture, **ARCHITECTURES[architecture]}, 16, 40)
    ).eval()
    attention = (IDS != 0).long()
    assert reads_alone(model, IDS, attention)
    asked = torch.tensor([[0, 1, 0, 0, 1, 0, 1], [1, 0, 0, 1, 0, 0, 0]]).bool()
    expected = model(input_ids=IDS, attention_mask=attention).logits[asked]
    for alone in (True, False):
        torch.testing.assert_close(guess(model, IDS, attention, asked, alone), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(model(input_ids=IDS, attention_mask=attention).logits[asked], expected)


class Neighbourly(BertForMaskedLM):
    """Its head reads the state before, too."""

    def forward(self, input_ids, attention_mask):
        states = self.bert(input_ids, attention_mask).last_hidden_state
        before = torch.nn.functional.pad(states, (0, 0, 1, 0))[:, :-1]
        scores = (states + before) @ self.get_input_embeddings().weight.T
        return type("Output", (), {"logits": scores})


def test_a_head_that_looks_further_gets_all_states() -> None:
    torch.manual_seed(0)
    model = Neighbourly(BertConfig(vocab_size=40, **SIZES)).train()
    attention = (IDS != 0).long()
    assert not reads_alone(model, IDS, attention)
    assert model.training
    asked = torch.zeros_like(IDS).bool()
    asked[0, 3] = True
    model.eval()
    scores = guess(model, IDS, attention, asked, alone=False)
    torch.testing.assert_close(scores, model(IDS, attention).logits[asked])
