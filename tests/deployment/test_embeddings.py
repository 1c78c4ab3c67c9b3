"""Smaller embeddings read as the whole one does, but for what was left out."""

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedTokenizerFast

from pipeline.deployment.vocabulary import Int8Embedding, PrunedEmbedding, prune_vocabulary, used_tokens
from pipeline.models.registry import student


def test_kept_tokens_read_as_before_and_the_others_as_the_unknown_one() -> None:
    whole = nn.Embedding(6, 4)
    pruned = PrunedEmbedding(whole, np.array([0, 1, 3, 5]), other=1)
    found = pruned(torch.tensor([[0, 3, 5, 2, 4]]))
    torch.testing.assert_close(found, whole(torch.tensor([[0, 3, 5, 1, 1]])))
    assert len(pruned.weight) == 4


def test_used_are_those_that_occur_and_the_special_ones() -> None:
    assert used_tokens(np.array([0, 0, 3, 0, 1]), [0]).tolist() == [0, 2, 4]


def test_eight_bits_are_off_by_half_a_step_at_most() -> None:
    torch.manual_seed(0)
    whole = nn.Embedding(50, 8)
    with torch.no_grad():
        whole.weight[3] = 0
    ids = torch.arange(50).reshape(5, 10)
    step = whole.weight.abs().amax(1) / 127
    off = (Int8Embedding(whole)(ids) - whole(ids)).abs().amax(-1)
    assert (off <= step[ids] / 2 + 1e-7).all()
    pruned = PrunedEmbedding(whole, np.arange(0, 50, 2), other=0)
    torch.testing.assert_close(Int8Embedding(pruned)(ids), Int8Embedding(whole)(ids - ids % 2 * ids))


def test_every_table_over_the_vocabulary_is_pruned(tokenizer: PreTrainedTokenizerFast) -> None:
    model = student("static", {"embedding_size": 8, "hidden_size": 4}, tokenizer, ["a", "b"]).eval()
    ids = torch.tensor([[2, 5, 6, 3]])
    before = model(ids, torch.ones_like(ids)).logits
    assert prune_vocabulary(model, np.array([0, 1, 2, 3, 5, 6]), other=1) == 6
    assert len(model.embedding.weight) == len(model.scores.weight) == 6
    torch.testing.assert_close(model(ids, torch.ones_like(ids)).logits, before)
