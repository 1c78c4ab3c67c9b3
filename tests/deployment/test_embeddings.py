"""A smaller embedding reads as the whole one does, but for rare tokens, which read the nearest row."""

import numpy as np
import pytest
import torch
from torch import nn
from transformers import PreTrainedTokenizerFast

from pipeline.deployment.vocabulary import PrunedEmbedding, commonest_tokens, prune_vocabulary
from pipeline.models.registry import student
from tests.conftest import build_tokenizer
from tests.families import FAMILIES


def test_kept_tokens_read_as_before_and_the_others_the_nearest_of_them() -> None:
    whole = nn.Embedding.from_pretrained(torch.tensor([[0.0, 0], [1, 0], [0, 1], [0.9, 0.2], [0.1, 3], [1, 0]]))
    pruned = PrunedEmbedding(whole, torch.tensor([0, 2, 5]))
    ids = torch.arange(6)[None]
    assert pruned(ids).tolist() == [[[0, 0], [1, 0], [0, 1], [1, 0], [0, 1], [1, 0]]]
    assert len(pruned.weight) == 3


def test_among_equal_rows_a_kept_token_reads_its_own() -> None:
    whole = nn.Embedding.from_pretrained(torch.ones(4, 8))
    assert PrunedEmbedding(whole, torch.tensor([1, 3])).rows[[1, 3]].tolist() == [0, 1]


def test_kept_are_the_commonest_and_the_special_ones() -> None:
    assert commonest_tokens(np.array([0, 0, 3, 0, 1, 2]), 2, [0]).tolist() == [0, 2, 5]


def test_every_table_over_the_vocabulary_is_pruned_but_those_of_scores(tokenizer: PreTrainedTokenizerFast) -> None:
    torch.manual_seed(0)
    model = student("static", {"embedding_size": 8, "hidden_size": 4}, tokenizer, ["a", "b"]).eval()
    ids = torch.tensor([[2, 5, 6, 3]])
    before = model(ids, torch.ones_like(ids)).logits
    prune_vocabulary(model, np.array([0, 1, 2, 3, 5, 6]))
    assert len(model.embedding.weight) == 6
    assert len(model.scores.weight) == len(tokenizer)
    torch.testing.assert_close(model(ids, torch.ones_like(ids)).logits, before)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_encoder_keeps_its_positions_and_the_scale_of_its_embeddings(family: str) -> None:
    tokenizer = build_tokenizer()
    sizes = FAMILIES[family] | ({"scale_embedding": True} if family == "bart" else {})
    if "max_position_embeddings" in sizes:
        sizes["max_position_embeddings"] = len(tokenizer)
    torch.manual_seed(0)
    tokenizer.model_max_length = 16
    model = student("encoder", {"model_type": family, **sizes}, tokenizer, ["a", "b"]).eval()
    ids = torch.tensor([[2, 5, 6, 7, 8, 9, 10, 3]])
    before = model(ids, torch.ones_like(ids)).logits
    tables = [each for each in model.modules() if isinstance(each, nn.Embedding)]
    prune_vocabulary(model, np.array([0, 1, 2, 3, *range(5, 11)]))
    torch.testing.assert_close(model(ids, torch.ones_like(ids)).logits, before)
    assert len([each for each in model.modules() if isinstance(each, PrunedEmbedding)]) == 1
    assert len([each for each in model.modules() if isinstance(each, nn.Embedding)]) == len(tables) - 1
