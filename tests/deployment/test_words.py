"""Remembered words give the ids that the tokenizer gives the whole text, and no tokenizer is trusted that might not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

from pipeline.deployment import words
from pipeline.deployment.words import WordMemory
from tests.conftest import SPECIALS

PIECES = [
    *SPECIALS,
    "a",
    "b",
    "##a",
    "##b",
    "##ba",
    "é",
    "e",
    "ß",
    "ss",
    "文",
    "א",
    "'",
    ".",
    "!",
    "[",
    "]",
    "fi",
    "st",
]
# What a tokenizer may trip over at the edge of a word, beside anything else.
ODD = [
    *PIECES, " ", " ", " ", "  ", "\t", "\n", "\u00a0", "\u3000", "\u200d", "\u0301", "\u0345", "\ufb01", "¨", "İ", "Σ",
    "ς", "A", "É", "👩\u200d🚀", "\ufeff", "\x00", "ﷺ", "한", "ᄒ", "ᅡ", "ᆫ", "word [MASK]", "[SEP]a", "a[CLS] ",
    "?", "?!", "b.", "=\u0338", "a_b", "a-", "$", "~", "“", "。", "¿",
]  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(ODD), st.text(max_size=3)), max_size=12).map("".join)
PRE_TOKENIZERS = {
    "bert": pre_tokenizers.BertPreTokenizer(),
    "whitespace": pre_tokenizers.Whitespace(),
    "sequence": pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]),
}
NORMALIZERS = {
    "none": None,
    "bert": normalizers.BertNormalizer(),
    "cased": normalizers.BertNormalizer(lowercase=False, strip_accents=False, handle_chinese_chars=False),
    "sequence": normalizers.Sequence(
        [normalizers.NFKD(), normalizers.Sequence([normalizers.StripAccents(), normalizers.Lowercase()])]
    ),
    "composed": normalizers.Sequence([normalizers.NFC(), normalizers.NFKC()]),
}


def build(
    normalizer: str = "bert", pre_tokenizer: str = "bert", around: bool = True, further: bool = False
) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece({piece: at for at, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    tokenizer.normalizer = NORMALIZERS[normalizer]
    tokenizer.pre_tokenizer = PRE_TOKENIZERS[pre_tokenizer]
    if around:
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens([AddedToken(each, lstrip=each == "[MASK]") for each in SPECIALS])
    tokenizer.add_tokens([AddedToken("?!", normalized=False)])
    if further:
        tokenizer.add_tokens([AddedToken("st", single_word=True), AddedToken("B.", normalized=True)])
    tokenizer.enable_truncation(8)
    return tokenizer


@pytest.mark.parametrize("pre_tokenizer", PRE_TOKENIZERS)
@pytest.mark.parametrize("normalizer", NORMALIZERS)
@settings(max_examples=60)
@given(
    batches=st.lists(st.lists(TEXTS, max_size=5), max_size=4),
    length=st.integers(3, 40),
    side=st.sampled_from(["left", "right"]),
    around=st.booleans(),
    split_specials=st.booleans(),
    further=st.booleans(),
)
def test_ids_are_those_of_the_whole_text(
    normalizer: str,
    pre_tokenizer: str,
    batches: list,
    length: int,
    side: str,
    around: bool,
    split_specials: bool,
    further: bool,
) -> None:
    tokenizer = build(normalizer, pre_tokenizer, around, further)
    tokenizer.enable_truncation(length, direction=side)
    tokenizer.encode_special_tokens = split_specials
    memory = WordMemory.of(tokenizer)
    assert memory is not None
    for texts in batches:
        assert memory.encode(texts) == [each.ids for each in tokenizer.encode_batch(texts)]


def test_signs_are_cut_off_where_they_are_always_read_apart() -> None:
    for names in (("composed", "bert"), ("bert", "whitespace")):
        memory = WordMemory.of(build(*names))
        assert memory is not None
        memory.encode(["a, b"])
        assert set(memory.known) == {"a,", "b"}
    memory = WordMemory.of(build())
    assert memory is not None
    # An added token in a text may hold signs.
    memory.encode(["a, b; ?! a.", "(é-a)!", "a?b"])
    assert set(memory.known) == {"a,", "b;", "?!", "a.", "(", "é", "-", "a", ")", "!", "?", "b"}


def test_a_word_is_asked_for_once_and_the_memory_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = WordMemory.of(build())
    assert memory is not None
    asked: list[str] = []
    whole = memory.tokenizer

    class Asked:
        def encode_batch_fast(self, texts: list[str], add_special_tokens: bool) -> list:
            asked.extend(texts)
            return whole.encode_batch_fast(texts, add_special_tokens=add_special_tokens)

    monkeypatch.setattr(memory, "tokenizer", Asked())
    assert memory.encode(["a . a", "."]) == [[2, 5, 17, 5, 3], [2, 17, 3]]
    memory.encode([". a", "ab a"])
    assert sorted(asked) == [".", "a", "ab"]
    monkeypatch.setattr(words, "WORDS", 3)
    memory.encode(["ba"])
    assert memory.known == {}
    memory.encode(["a b"])
    monkeypatch.setattr(words, "CHARACTERS", 9)
    memory.encode(["a" * 8])
    assert memory.known == {}


def foreign(change: str) -> Tokenizer:
    tokenizer = build()
    if change == "bytes":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    elif change == "none":
        tokenizer.pre_tokenizer = None
    elif change == "metaspace":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Metaspace(), pre_tokenizers.WhitespaceSplit()]
        )
    elif change == "replaced":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", "_")])
    elif change == "prepended":
        tokenizer.normalizer = normalizers.Prepend("b")
    elif change == "spaced":
        tokenizer.add_tokens(["a b"])
    elif change == "dropout":
        tokenizer.model = models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")], dropout=0.5)
    return tokenizer


@pytest.mark.parametrize("change", ["bytes", "none", "metaspace", "replaced", "prepended", "spaced", "dropout"])
def test_a_tokenizer_that_may_read_across_a_space_is_left_alone(change: str) -> None:
    assert WordMemory.of(foreign(change)) is None
