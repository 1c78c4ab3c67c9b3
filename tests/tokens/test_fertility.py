"""Fertility: words and tokens are counted as its docstring says, script by script."""

import pytest
from transformers import PreTrainedTokenizerFast

from pipeline.tokens import fertility
from pipeline.tokens.fertility import NO_LETTERS, measure_cuts, script_of


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("a good film", "Latin"),
        ("ＧＯＯＤ", "Latin"),
        ("очень хорошо, ok", "Cyrillic"),
        ("这是的 ok", "Cjk"),
        ("हिन्दी", "Devanagari"),
        (":) 20 !!", NO_LETTERS),
        ("", NO_LETTERS),
    ],
)
def test_the_script_of_most_letters(text: str, script: str) -> None:
    assert script_of(text) == script


def test_words_and_tokens_are_counted(tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    texts = ["good film", "good 🂡 film 🂡", "电影好", "a film"]
    cuts = measure_cuts(tokenizers["words"], [(texts, ["x", "x", "y", "y"])])
    assert cuts["scripts"] == {
        "Latin": {"texts": 3, "words": 8, "tokens": 8, "tokens_unknown": 3},
        "Cjk": {"texts": 1, "words": 3, "tokens": 3, "tokens_unknown": 0},
    }
    assert list(cuts["domains"]) == ["x", "y"]
    assert cuts["domains"]["x"] == {"texts": 2, "words": 6, "tokens": 6, "tokens_unknown": 2}
    finer = measure_cuts(tokenizers["characters"], [(texts, ["x", "x", "y", "y"])])
    assert finer["domains"]["y"]["tokens"] == len("电影好") + len("a film")


def test_more_texts_than_are_cut_at_once(
    tokenizers: dict[str, PreTrainedTokenizerFast], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["good film", "电影好", "a film", "so", "the best book"]
    whole = measure_cuts(tokenizers["words"], [(texts, ["x", "y", "x", "y", "x"])])
    monkeypatch.setattr(fertility, "CHUNK", 2)
    assert measure_cuts(tokenizers["words"], [(texts, ["x", "y", "x", "y", "x"])]) == whole
    assert sum(group["texts"] for group in whole["domains"].values()) == 5


def test_special_tokens_do_not_count_and_no_text_loses_its_end(
    tokenizers: dict[str, PreTrainedTokenizerFast],
) -> None:
    backend = tokenizers["wordpiece"].backend_tokenizer
    text = "the film " * 300
    cuts = measure_cuts(tokenizers["wordpiece"], [([text], ["x"])])["domains"]["x"]
    assert cuts["words"] == 600
    assert cuts["tokens"] == len(backend.encode(text, add_special_tokens=False).ids) > 600
