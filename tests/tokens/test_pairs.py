"""Pairs as one sequence: a token between the two, where the second begins, the longer one cut first."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.text.pairs import TextOrPair
from pipeline.text.placeholder import MASK
from pipeline.tokens.alignment import align
from pipeline.tokens.batches import pad_rows
from pipeline.tokens.encoding import encode
from pipeline.tokens.pairs import separate_pairs
from pipeline.tokens.table import TokenTable, read_tokens, slice_rows, write_tokens
from pipeline.tokens.training import train_tokenizer
from tests.conftest import build_tokenizer

PAIRS: list[TextOrPair] = [
    ("good film", "the film was good"),
    ("a story", "bad"),
    (f"very {MASK} film it is", f"a {MASK}"),
    ("bad", "a a a a a a a a a a a a a a a a a a a a a"),
]
IDS = [str(at) for at in range(len(PAIRS))]


@pytest.fixture
def paired() -> PreTrainedTokenizerFast:
    tokenizer = build_tokenizer()
    separate_pairs(tokenizer, is_own=False)
    return tokenizer


def words(tokenizer: PreTrainedTokenizerFast, table: TokenTable, row: int) -> tuple[list[str], list[str]]:
    assert table.second is not None
    tokens = tokenizer.convert_ids_to_tokens(table.input_ids[table.offsets[row] : table.offsets[row + 1]].tolist())
    return tokens[: table.second[row]], tokens[table.second[row] :]


def test_a_template_of_single_texts_serves_pairs_and_stays_as_it_was(paired: PreTrainedTokenizerFast) -> None:
    before = build_tokenizer().backend_tokenizer.encode("good film").tokens
    assert paired.backend_tokenizer.encode("good film").tokens == before
    table, cut = encode(paired, IDS, PAIRS, 12)
    assert words(paired, table, 0) == (["[CLS]", "good", "film", "[SEP]"], ["the", "film", "was", "good", "[SEP]"])
    assert words(paired, table, 1) == (["[CLS]", "a", "story", "[SEP]"], ["bad", "[SEP]"])
    assert words(paired, table, 2)[0][2] == words(paired, table, 2)[1][1] == "[MASK]"
    assert words(paired, table, 3) == (["[CLS]", "bad", "[SEP]"], [*["a"] * 8, "[SEP]"]), "the longer text is cut"
    assert cut == 1


def test_it_travels_with_the_tokenizer(paired: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    paired.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.backend_tokenizer.encode("good", "bad").tokens == ["[CLS]", "good", "[SEP]", "bad", "[SEP]"]
    table, _ = encode(again, IDS, PAIRS, 32)
    np.testing.assert_array_equal(table.input_ids, encode(paired, IDS, PAIRS, 32)[0].input_ids)


def test_each_text_has_a_token(paired: PreTrainedTokenizerFast) -> None:
    empty: list[TextOrPair] = [("", "good"), ("good", ""), ("", "")]
    table, _ = encode(paired, ["0", "1", "2"], empty, 12)
    assert words(paired, table, 1) == (["[CLS]", "good", "[SEP]"], ["[SEP]"])
    own = train_tokenizer(["good film"] * 3, "words", 50)
    separate_pairs(own, is_own=True)
    table, _ = encode(own, ["0", "1", "2"], empty, 12)
    assert words(own, table, 0) == (["[SEP]"], ["good"])
    assert words(own, table, 1) == (["good"], ["[SEP]"])
    assert words(own, table, 2) == (["[UNK]"], ["[SEP]"])


def test_tokenizers_without_a_separator_get_one_or_are_refused() -> None:
    own = train_tokenizer(["good film"] * 3, "bpe", 300)
    size = len(own)
    separate_pairs(own, is_own=True)
    separate_pairs(own, is_own=True)
    assert len(own) == size + 1
    assert own.backend_tokenizer.encode("good", "film").tokens.count("[SEP]") == 1
    assert "[SEP]" not in own.backend_tokenizer.encode("good film").tokens
    bare = Tokenizer(models.WordLevel({"a": 0, "[PAD]": 1, "<eos>": 2}, unk_token="a"))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.post_processor = processors.ByteLevel()
    decoder = PreTrainedTokenizerFast(tokenizer_object=bare, pad_token="[PAD]", eos_token="<eos>")
    separate_pairs(decoder, is_own=False)
    assert decoder.backend_tokenizer.encode("a", "a").tokens == ["a", "<eos>", "a"]
    assert decoder.backend_tokenizer.encode("a").tokens == ["a"]
    with pytest.raises(GraftError, match="has no sep, eos or cls token to put between"):
        separate_pairs(PreTrainedTokenizerFast(tokenizer_object=Tokenizer(bare.model), pad_token="[PAD]"), is_own=False)


def test_the_table_keeps_where_the_second_text_begins(paired: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    table, _ = encode(paired, IDS, PAIRS, 12)
    write_tokens(tmp_path / "pairs.arrow", table)
    again = read_tokens(tmp_path / "pairs.arrow")
    np.testing.assert_array_equal(again.second, [4, 4, 7, 3])
    chosen = slice_rows(again, np.array([3, 1]))
    batch = pad_rows(chosen, np.array([1, 0]), 0)
    expected = torch.tensor([[0] * 4 + [1] * 2 + [0] * 6, [0] * 3 + [1] * 9])
    assert torch.equal(batch["token_type_ids"], expected)
    single, _ = encode(paired, ["0"], ["good film"], 12)
    assert single.second is None
    assert "token_type_ids" not in pad_rows(single, np.array([0]), 0)
    write_tokens(tmp_path / "single.arrow", single)
    assert read_tokens(tmp_path / "single.arrow").second is None


def test_tokens_of_pairs_are_aligned_text_by_text(paired: PreTrainedTokenizerFast) -> None:
    own = train_tokenizer(["good film the was a story bad very it is"] * 3, "characters", 60)
    separate_pairs(own, is_own=True)
    table, _ = encode(paired, IDS, PAIRS, 32, spans=True)
    other, _ = encode(own, IDS, PAIRS, 99, spans=True)
    assert table.spans is not None
    assert table.second is not None
    assert other.second is not None
    ranges = align(table, other)
    for row, pair in enumerate(PAIRS):
        start, end = table.offsets[row : row + 2]
        text = "".join(pair)
        for token in range(start, end):
            begin, stop = table.spans[token]
            if begin < stop:
                low, high = ranges[token]
                read = own.convert_ids_to_tokens(other.input_ids[low:high].tolist())
                assert len(read) == 1 if text[begin:stop] == MASK else "".join(read) == text[begin:stop]
                of_second = low - other.offsets[row] >= other.second[row]
                assert of_second == (token - start >= table.second[row])
