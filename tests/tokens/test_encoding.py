from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizers.processors import ByteLevel
from transformers import BertConfig, GPT2Config, PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.text.placeholder import MASK
from pipeline.tokens import encoding
from pipeline.tokens.encoding import encode, load_tokenizer
from tests.conftest import SPECIALS, WORDS
from tests.tokens.conftest import TEXTS, byte_level


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


def spans_of(tokenizer: PreTrainedTokenizerFast, text: str, max_length: int = 100) -> list[tuple[str, str]]:
    """Tokens, and what their spans hold of the text."""
    table, _ = encode(tokenizer, ["x"], [text], max_length, spans=True)
    assert table.spans is not None
    assert table.spans.dtype == np.int32
    words = tokenizer.convert_ids_to_tokens(table.input_ids.tolist())
    return [(word, text[start:end]) for word, (start, end) in zip(words, table.spans, strict=True)]


def test_spans_are_those_of_the_text_as_it_was_given(tokenizer: PreTrainedTokenizerFast) -> None:
    assert spans_of(tokenizer, f"{MASK} GOOD {MASK}{MASK} plot") == [
        ("[CLS]", ""),
        ("[MASK]", MASK),
        ("good", "GOOD"),
        ("[MASK]", MASK),
        ("[MASK]", MASK),
        ("plot", "plot"),
        ("[SEP]", ""),
    ]


def test_spans_of_a_tokenizer_that_cannot_hide_a_word(tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    bare = byte_level(trim=True)
    bare.mask_token = None
    spans = spans_of(bare, f"{MASK} a {MASK} film")
    assert {part for _, part in spans} & {MASK} == set()
    assert "".join(part for _, part in spans) == "afilm"


@given(st.lists(st.text(st.sampled_from(f"ab 电{MASK}😀é"), max_size=12), max_size=8))
def test_spans_do_not_depend_on_the_texts_beside(
    tokenizers: dict[str, PreTrainedTokenizerFast], texts: list[str]
) -> None:
    for tokenizer in tokenizers.values():
        ids = [f"r{at}" for at in range(len(texts))]
        together, _ = encode(tokenizer, ids, texts, 100, spans=True)
        alone = [encode(tokenizer, ["x"], [text], 100, spans=True)[0] for text in texts]
        assert together.spans is not None
        assert together.spans.tolist() == [span for each in alone for span in each.spans.tolist()]
        assert together.input_ids.tolist() == [token for each in alone for token in each.input_ids.tolist()]
        assert encode(tokenizer, ids, texts, 100)[0].input_ids.tolist() == together.input_ids.tolist()


def test_the_tokens_are_those_of_transformers(tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    texts = [*TEXTS, "good film " * 30, "[SEP] <s>"]
    for tokenizer in tokenizers.values():
        table, cut = encode(tokenizer, texts, texts, 16)
        whole = tokenizer(texts)["input_ids"]
        wanted = tokenizer(texts, truncation=True, max_length=16)["input_ids"]
        assert table.input_ids.tolist() == [token for row in wanted for token in row]
        assert cut == sum(len(row) > 16 for row in whole)


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_chunks_change_nothing(tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    texts = ["good film", f"{MASK} plot", "", "the plot was bad and awful", f"a {MASK}"]
    whole, cut = encode(tokenizer, texts, texts, 5, spans=True)
    monkeypatch.setattr(encoding, "CHUNK", chunk)
    parts, cut_in_parts = encode(tokenizer, texts, texts, 5, spans=True)
    assert cut == cut_in_parts
    for name in ("input_ids", "offsets", "spans"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_every_text_has_a_token(tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    texts = ["film", "\u200b ", "", "film", ""]
    for name, tokenizer in tokenizers.items():
        table, _ = encode(tokenizer, texts, texts, 10, spans=True)
        assert table.lengths.min() > 0, name
        assert table.spans is not None
        assert len(table.spans) == len(table.input_ids) == table.offsets[-1]
    words = encode(tokenizers["words"], texts, texts, 10)[0]
    unknown = tokenizers["words"].unk_token_id
    assert words.input_ids[words.offsets[2] : words.offsets[3]].tolist() == [unknown]


def test_no_unknown_token_and_no_limit_of_its_own() -> None:
    tokenizer = byte_level(trim=True)
    tokenizer.backend_tokenizer.post_processor = ByteLevel()
    table, cut = encode(tokenizer, ["x", "y"], ["", "film"], tokenizer.model_max_length)
    assert cut == 0
    assert table.input_ids[0] == tokenizer.pad_token_id
    assert table.input_ids[1] != tokenizer.pad_token_id


def test_what_is_saved_does_not_depend_on_what_was_encoded(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    saved = []
    for name, text in (("short", "good"), ("long", "good film " * 20)):
        encode(tokenizer, ["x"], [text], 10)
        tokenizer.save_pretrained(tmp_path / name)
        saved.append((tmp_path / name / "tokenizer.json").read_bytes())
    assert saved[0] == saved[1]


def test_a_vocabulary_alone_is_a_tokenizer_where_its_scheme_is_known(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join([*SPECIALS, *WORDS]) + "\n")
    BertConfig().save_pretrained(tmp_path)
    table, _ = encode(load_tokenizer(tmp_path), ["a"], ["A GOOD film"], 16)
    assert table.input_ids.tolist() == [2, *(5 + WORDS.index(word) for word in ("a", "good", "film")), 3]
    # As a cased model says of itself.
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    table, _ = encode(load_tokenizer(tmp_path), ["a"], ["A good film"], 16)
    assert table.input_ids[1] == SPECIALS.index("[UNK]")


def test_so_are_merges_and_one_without_padding_pads_with_the_end_of_text(tmp_path: Path) -> None:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=280,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([" ".join(WORDS)] * 3, trainer)
    backend.model.save(str(tmp_path))
    GPT2Config().save_pretrained(tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.pad_token == "<|endoftext|>"
    table, _ = encode(tokenizer, ["a"], ["a good film"], 16)
    assert table.input_ids.tolist() == backend.encode("a good film").ids
    (tmp_path / "merges.txt").unlink()
    with pytest.raises(GraftError, match=r"holds no tokenizer that transformers reads: .*merges"):
        load_tokenizer(tmp_path)


def test_a_sentencepiece_model_alone_asks_for_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    (tmp_path / "spiece.model").write_bytes(b"")
    monkeypatch.setattr("pipeline.tokens.encoding.find_spec", lambda name: None)
    with pytest.raises(GraftError, match=r"as the sentencepiece model spiece\.model alone; add the tokenizer\.json"):
        load_tokenizer(tmp_path)


def test_without_any_token_to_pad_with(tmp_path: Path) -> None:
    backend = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    PreTrainedTokenizerFast(tokenizer_object=backend).save_pretrained(tmp_path)
    with pytest.raises(GraftError, match=r"no pad, eos or unk token.*name one as pad_token"):
        load_tokenizer(tmp_path)
    PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="a").save_pretrained(tmp_path)
    assert load_tokenizer(tmp_path).pad_token_id == 0
