"""Texts of several scripts, and a tokenizer of each family that texts meet."""

from collections.abc import Callable

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from pipeline.tokens.training import train_tokenizer
from tests.conftest import SPECIALS

CORPORA = {
    "english": ["The plot isn't good, the film wasn't great!", "A fine film :) it's the best book!!", "Not good... :("],
    "chinese": ["这部电影很好看。", "这本书不好看，故事很无聊！", "电影的故事很好。"],
    "arabic": ["الفيلم جيد جداً", "الكتاب ليس جيداً", "قصة الفيلم سيئة، والكتاب جيد"],
    "thai": ["หนังเรื่องนี้ดีมาก", "หนังสือเรื่องนี้ไม่ดี", "เรื่องนี้ดีที่สุด"],
    "persian": ["این فیلم را می‌خواهم", "کتاب‌ها خوب هستند", "فیلم‌ها خوب نیستند"],
    "emoji": ["good 😀😀 film 👩‍💻", "❤️ the best 👍🏽👍🏽", "😡 not good 👎 🇫🇷"],
}
TEXTS = [text for texts in CORPORA.values() for text in texts]


def wordpiece() -> PreTrainedTokenizerFast:
    """BERT's scheme, accents stripped; pieces of one to three letters of the texts, and no CJK but two."""
    letters = sorted({letter for text in TEXTS for letter in text.lower() if letter < "\u0700"} - {" "})
    pieces = ["film", "good", "th", "bo", "##ok", "##lm", "##ood", "这", "电"]
    vocabulary = dict.fromkeys([*SPECIALS, *pieces, *letters, *(f"##{letter}" for letter in letters)])
    tokenizer = Tokenizer(models.WordPiece({token: at for at, token in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def byte_level(trim: bool) -> PreTrainedTokenizerFast:
    """RoBERTa's scheme: bytes merged, the space before a word in its token; ``trim`` keeps spaces out of spans."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=["<s>", "<pad>", "</s>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=trim)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", mask_token="<mask>")


def accents_apart() -> PreTrainedTokenizerFast:
    """Characters of the decomposed text, so that a mark is a token of its own."""
    tokenizer = train_tokenizer(TEXTS, "characters", 500, lowercase=True)
    tokenizer.backend_tokenizer.normalizer = normalizers.NFD()
    return tokenizer


BUILDERS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "wordpiece": wordpiece,
    "byte_level": lambda: byte_level(trim=True),
    "byte_level_with_spaces": lambda: byte_level(trim=False),
    "accents_apart": accents_apart,
    "bpe": lambda: train_tokenizer(TEXTS, "bpe", 500, lowercase=True),
    "bytes": lambda: train_tokenizer(TEXTS, "bytes", 500, lowercase=True),
    "single_bytes": lambda: train_tokenizer(TEXTS, "bytes", 259, lowercase=False),
    "words": lambda: train_tokenizer(TEXTS, "words", 500, lowercase=True),
    "characters": lambda: train_tokenizer(TEXTS, "characters", 500, lowercase=False),
}


@pytest.fixture(scope="session")
def tokenizers() -> dict[str, PreTrainedTokenizerFast]:
    return {name: build() for name, build in BUILDERS.items()}
