"""Tokenizers trained here: what they promise of any text in any script, and the same bytes every time."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.tokens.training import train_tokenizer
from tests.closure import ROOT
from tests.tokens.conftest import CORPORA, TEXTS

FORMS = ("nfkc", "nfc", "none")
KINDS = ("bpe", "bytes", "words", "characters")


def read_back(tokenizer: PreTrainedTokenizerFast, text: str) -> str:
    return tokenizer.decode(tokenizer(text)["input_ids"])


def normal_form(tokenizer: PreTrainedTokenizerFast, text: str) -> str:
    return tokenizer.backend_tokenizer.normalizer.normalize_str(text)


def without_specials(tokenizer: PreTrainedTokenizerFast, text: str) -> str:
    for special in tokenizer.all_special_tokens:
        text = text.replace(special, "")
    return text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", CORPORA)
def test_every_script(kind: str, language: str) -> None:
    texts = CORPORA[language] * 2
    tokenizer = train_tokenizer(texts, kind, 500, lowercase=True)
    assert tokenizer.convert_tokens_to_ids(["[PAD]", "[UNK]", "[MASK]"]) == [0, 1, 2]
    assert tokenizer.pad_token_id == 0
    table, _ = encode(tokenizer, texts, texts, 500)
    assert not np.isin(table.input_ids, [0, 1, 2]).any(), "of texts it was trained on it knows everything"
    for text in texts:
        form = normal_form(tokenizer, text)
        if kind == "words":
            assert read_back(tokenizer, text).replace(" ", "") == form.replace(" ", "")
        else:
            assert read_back(tokenizer, text) == form


@pytest.mark.parametrize("kind", ["bpe", "bytes", "words"])
@pytest.mark.parametrize("vocabulary", [340, 400])
def test_the_vocabulary_is_bounded(kind: str, vocabulary: int) -> None:
    texts = [f"the film {number % 500}" for number in range(1000)]
    tokenizer = train_tokenizer(texts, kind, vocabulary, lowercase=True)
    assert len(tokenizer) == tokenizer.backend_tokenizer.get_vocab_size() == vocabulary


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_a_bpe_loses_no_character(tokenizers: dict[str, PreTrainedTokenizerFast], text: str) -> None:
    """Whatever was not seen in training is spelt in bytes, so that the text can be told from any other."""
    bpe = tokenizers["bpe"]
    text = without_specials(bpe, normal_form(bpe, text))
    # The marker of a space, where it is written in the text itself, is read as one.
    wanted = normal_form(bpe, text).replace("▁", " ")
    assert read_back(bpe, text).removeprefix(" ") == wanted.removeprefix(" ")
    assert bpe.unk_token_id not in bpe(text)["input_ids"]


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_bytes_lose_nothing(tokenizers: dict[str, PreTrainedTokenizerFast], text: str) -> None:
    for name in ("bytes", "single_bytes"):
        tokenizer = tokenizers[name]
        form = without_specials(tokenizer, normal_form(tokenizer, text))
        assert read_back(tokenizer, form) == normal_form(tokenizer, form)
    form = normal_form(tokenizers["single_bytes"], without_specials(tokenizers["single_bytes"], text))
    assert len(tokenizers["single_bytes"](form)["input_ids"]) == len(form.encode())


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_characters_are_counted_one_by_one(tokenizers: dict[str, PreTrainedTokenizerFast], text: str) -> None:
    characters = tokenizers["characters"]
    text = without_specials(characters, text)
    assert len(characters(text)["input_ids"]) == len(normal_form(characters, text))


def test_words_are_those_of_each_script(tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    words = tokenizers["words"].backend_tokenizer
    assert cut_up(words, "isn't l’amour 20 it!!") == ["isn't", "l’amour", "20", "it", "!", "!"]
    assert cut_up(words, "电影好 tv") == ["电", "影", "好", "tv"]
    assert cut_up(words, "ที่นี่") == ["ที่", "นี่"]
    assert cut_up(words, "کتاب‌ها را") == ["کتاب‌ها", "را"]
    assert cut_up(words, "👩‍💻❤️ 👍🏽") == ["👩‍💻", "❤️", "👍🏽"]


def test_pieces_keep_emoticons_together_and_words_apart(tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    bpe = tokenizers["bpe"].backend_tokenizer
    assert cut_up(bpe, "isn't it :) 20!!") == ["▁isn't", "▁it", "▁:)", "▁20", "!!"]
    assert cut_up(bpe, "电影 👩‍💻❤️") == ["▁电影", "▁👩‍💻❤️"]


def test_what_no_token_crosses() -> None:
    texts = ["the film isn't good :)"] * 20
    for kind in ("bpe", "bytes"):
        cuts = {each: train_tokenizer(texts, kind, 400, pretokenizer=each) for each in ("words", "spaces", "none")}
        assert [len(each.tokenize(texts[0])) for each in cuts.values()] == [5, 5, 1], kind
        assert [len(each.backend_tokenizer.pre_tokenizer.pre_tokenize_str("good:)")) for each in cuts.values()] == [
            2, 1, 1,
        ]  # fmt: skip
    text = "a good-ish film"
    for each, tokens in {"words": ["a", "good", "-", "ish", "film"], "spaces": ["a", "good-ish", "film"]}.items():
        assert train_tokenizer([text] * 2, "words", 64, pretokenizer=each).tokenize(text) == tokens


def test_the_form_that_is_read() -> None:
    texts = ["Ångström ﬁlm"] * 20
    forms = {form: train_tokenizer(texts, "characters", 64, lowercase=False, normalizer=form) for form in FORMS}
    assert {form: "".join(each.tokenize("A\u030angström ﬁlm")) for form, each in forms.items()} == {
        "nfkc": "Ångström film",
        "nfc": "Ångström ﬁlm",
        "none": "[UNK][UNK]ngström ﬁlm",
    }
    plain = train_tokenizer(["Ångström がくせい"] * 2, "characters", 64, accents=False)
    assert "".join(plain.tokenize("Ångström")) == "angstrom"


def cut_up(tokenizer: object, text: str) -> list[str]:
    return [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)]


def test_capitals_are_kept_on_request() -> None:
    texts = ["The Film", "the film"] * 4
    assert train_tokenizer(texts, "words", 64, lowercase=True).tokenize("The film") == ["the", "film"]
    assert train_tokenizer(texts, "words", 64, lowercase=False).tokenize("The film") == ["The", "film"]


def test_one_form_of_what_looks_alike(tokenizers: dict[str, PreTrainedTokenizerFast]) -> None:
    for kind in KINDS:
        assert tokenizers[kind]("ﬁlm ｇｏｏｄ")["input_ids"] == tokenizers[kind]("film good")["input_ids"]


@pytest.mark.parametrize("kind", ["words", "characters"])
def test_what_occurs_once_is_unknown_so_that_a_model_learns_the_unknown(kind: str) -> None:
    tokenizer = train_tokenizer(["a b a b", "a b 电"], kind, 64, lowercase=True)
    assert tokenizer.unk_token_id in tokenizer("a 电")["input_ids"]


def test_rare_characters_of_a_bpe_are_bytes() -> None:
    tokenizer = train_tokenizer(["aa bb aa bb" * 20, "电"], "bpe", 300, lowercase=True)
    assert [token[:3] for token in tokenizer.tokenize("电")] == ["▁", "<0x", "<0x", "<0x"]


@pytest.mark.parametrize("vocabulary", [64, 259, 300])
def test_a_vocabulary_that_is_too_small(vocabulary: int) -> None:
    with pytest.raises(GraftError, match=f"vocabulary is {vocabulary}: a bpe of these texts needs ") as caught:
        train_tokenizer(TEXTS, "bpe", vocabulary, lowercase=True)
    assert "\n" not in str(caught.value)
    needed = int(str(caught.value).split("needs ")[1].split()[0])
    assert needed > vocabulary
    assert len(train_tokenizer(TEXTS, "bpe", needed, lowercase=True)) <= needed


def test_bytes_need_all_256() -> None:
    with pytest.raises(GraftError, match="vocabulary is 258: bytes need 259 tokens or more"):
        train_tokenizer(TEXTS, "bytes", 258)


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded(tmp_path: Path, tokenizers: dict[str, PreTrainedTokenizerFast], kind: str) -> None:
    tokenizers[kind].save_pretrained(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert loaded(TEXTS)["input_ids"] == tokenizers[kind](TEXTS)["input_ids"]
    assert [read_back(loaded, text) for text in TEXTS] == [read_back(tokenizers[kind], text) for text in TEXTS]


SCRIPT = """
import sys
from pathlib import Path
from pipeline.tokens.training import train_tokenizer
from tests.tokens.conftest import TEXTS
source = [f"{text} {number * 7919 % 613} {chr(0x4E00 + number % 300)}" for number, text in enumerate(TEXTS * 60)]
for kind, vocabulary in (("bpe", 1100), ("bytes", 400), ("words", 300), ("characters", 120)):
    train_tokenizer(source, kind, vocabulary, lowercase=True).save_pretrained(Path(sys.argv[1]) / kind)
"""


def test_the_same_bytes_in_every_run(tmp_path: Path) -> None:
    """Hashes seeded otherwise, one thread or many: many tokens here are equally frequent, and the order is ours."""
    for run, threads in (("1", "false"), ("2", "true")):
        environment = {**os.environ, "PYTHONHASHSEED": run, "TOKENIZERS_PARALLELISM": threads}
        command = [sys.executable, "-c", SCRIPT, str(tmp_path / run)]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    for kind in KINDS:
        for file in ("tokenizer.json", "tokenizer_config.json"):
            saved = {(tmp_path / run / kind / file).read_bytes() for run in "12"}
            assert len(saved) == 1, (kind, file)
            assert str(tmp_path).encode() not in saved.pop()
