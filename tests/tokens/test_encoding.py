from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.text.placeholder import MASK
from pipeline.tokens.encoding import encode, load_tokenizer


def test_special_tokens_labels_and_ids(tokenizer: PreTrainedTokenizerFast) -> None:
    table, cut = encode(tokenizer, ["x", "y"], ["good film", "awful"], 10, np.array([2, 0]))
    words = tokenizer.convert_ids_to_tokens(table.input_ids.tolist())
    assert words == ["[CLS]", "good", "film", "[SEP]", "[CLS]", "awful", "[SEP]"]
    assert table.offsets.tolist() == [0, 4, 7]
    assert table.labels is not None
    assert table.labels.tolist() == [2, 0]
    assert table.ids.to_pylist() == ["x", "y"]
    assert cut == 0


def test_texts_that_are_cut_are_counted_and_keep_their_special_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    table, cut = encode(tokenizer, ["x", "y"], ["good film the plot was so bad", "awful"], 4)
    assert cut == 1
    assert table.lengths.tolist() == [4, 3]
    assert table.input_ids[3] == tokenizer.sep_token_id


def test_a_hidden_word_becomes_the_mask_token(tokenizer: PreTrainedTokenizerFast) -> None:
    table, _ = encode(tokenizer, ["x"], [f"good {MASK} plot"], 10)
    assert table.input_ids.tolist().count(tokenizer.mask_token_id) == 1


def test_no_texts(tokenizer: PreTrainedTokenizerFast) -> None:
    table, cut = encode(tokenizer, [], [], 10)
    assert (len(table), cut) == (0, 0)


def test_a_folder_without_a_tokenizer_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(GraftError, match="holds no tokenizer") as caught:
        load_tokenizer(tmp_path)
    assert "\n" not in str(caught.value)


def test_saved_and_loaded(pretrained: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    loaded = load_tokenizer(pretrained)
    assert loaded("good film")["input_ids"] == tokenizer("good film")["input_ids"]
