"""Tokenizers trained on the user's own texts: BPE, bytes, words or characters, the same bytes in every run.

By default they read texts in NFKC, so that full-width, ligated and presentation forms share the plain forms' tokens.
None adds tokens at the ends of a text: students pool over all tokens and would learn nothing from them.
"""

import json
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.settings.tokenizers import Normalizer, Pretokenizer, TokenizerKind
from pipeline.text.units import UNSPACED

PAD, UNKNOWN, HIDDEN = SPECIALS = ["[PAD]", "[UNK]", "[MASK]"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SPACE = "▁"

# Of a BPE's tokens beside the special ones and the bytes, so many are single characters at most; and the
# characters of so much of the text must find room there, or it would be spelt in bytes that mean nothing.
CHARACTERS = 0.5
COVERAGE = 0.99

# A token must occur twice, so that the model also learns what an unknown one looks like.
MINIMUM = 2

# Marks, and the joiners of Persian, the scripts of India and emoji, belong to the character before them.
LETTERS = r"\p{L}[\p{L}\p{M}\x{200c}\x{200d}]*"
WORD = rf"{LETTERS}(?:['’]{LETTERS})*"
SYMBOL = r"[^\s\p{L}\p{N}](?:\p{M}|\x{200d}\S|[\x{1f3fb}-\x{1f3ff}])*"


def train_tokenizer(
    texts: Sequence[str],
    kind: TokenizerKind,
    vocabulary: int,
    lowercase: bool = True,
    normalizer: Normalizer = "nfkc",
    accents: bool = True,
    pretokenizer: Pretokenizer = "words",
) -> PreTrainedTokenizerFast:
    """Train a tokenizer of at most ``vocabulary`` tokens on ``texts``; padding is token 0.

    ``bpe`` (Sennrich et al. 2016) merges characters and knows no unknown one: a rare one is spelt in its UTF-8 bytes.
    ``bytes`` merges bytes (Radford et al. 2019, section 2.2), or, with no more tokens than these need, none: each byte
    is a token (Xue et al. 2022, "ByT5"). For ``words`` and ``characters``, what is rare or beyond ``vocabulary`` is the
    unknown token. ``pretokenizer`` says what no token crosses: the ends of words, spaces alone, or nothing.
    Without ``accents`` the marks above and below letters are dropped.
    Raises GraftError if ``vocabulary`` has no room for the characters of the texts.
    """
    tokenizer = Tokenizer(models.WordLevel({}, unk_token=UNKNOWN))
    tokenizer.normalizer = _normalizer(normalizer, lowercase, accents)
    if kind == "bpe":
        _train_bpe(tokenizer, texts, vocabulary, pretokenizer)
    elif kind == "bytes":
        _train_bytes(tokenizer, texts, vocabulary, pretokenizer)
    else:
        tokenizer.pre_tokenizer = _characters() if kind == "characters" else _words(pretokenizer)
        if kind == "characters":
            tokenizer.decoder = decoders.Fuse()
        trainer = trainers.WordLevelTrainer(
            vocab_size=vocabulary, min_frequency=MINIMUM, special_tokens=SPECIALS, show_progress=False
        )
        tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, unk_token=UNKNOWN, mask_token=HIDDEN)


def _normalizer(form: Normalizer, lowercase: bool, accents: bool) -> normalizers.Normalizer:
    parts: list[normalizers.Normalizer] = []
    if form != "none":
        parts.append({"nfkc": normalizers.NFKC, "nfc": normalizers.NFC}[form]())
    if not accents:
        # A mark can be dropped where it stands apart from its letter; what is left is composed again.
        parts += [normalizers.NFD(), normalizers.StripAccents(), normalizers.NFC()]
    if lowercase:
        parts.append(normalizers.Lowercase())
    return normalizers.Sequence(parts)


def _words(pretokenizer: Pretokenizer) -> pre_tokenizers.PreTokenizer:
    """Words, numbers and single symbols; in scripts without spaces each character is a word."""
    if pretokenizer == "spaces":
        return pre_tokenizers.WhitespaceSplit()
    words = pre_tokenizers.Split(Regex(rf"{WORD}|\p{{N}}+|{SYMBOL}"), "removed", invert=True)
    return pre_tokenizers.Sequence([words, pre_tokenizers.Split(Regex(rf"{UNSPACED.pattern}\p{{M}}*"), "isolated")])


def _characters() -> pre_tokenizers.PreTokenizer:
    """Every character, spaces too: they are all that a model of characters sees of words."""
    return pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")


# Words, numbers and runs of symbols (":)", "!!!"), each with the space before it; or whatever has no space inside.
PIECES = {
    "words": rf" ?{WORD}| ?\p{{N}}+| ?[^\s\p{{L}}\p{{N}}]+|\s+",
    "spaces": r" ?\S+|\s+",
    "none": r"[\s\S]+",
}


def _pieces(pretokenizer: Pretokenizer) -> pre_tokenizers.PreTokenizer:
    """What is merged within, each with the space before it: no token spans two."""
    return pre_tokenizers.Split(Regex(PIECES[pretokenizer]), "isolated")


def _train_bytes(tokenizer: Tokenizer, texts: Sequence[str], vocabulary: int, pretokenizer: Pretokenizer) -> None:
    fixed = len(SPECIALS) + len(BYTES)
    if vocabulary < fixed:
        raise GraftError(f"vocabulary is {vocabulary}: bytes need {fixed} tokens or more, 256 and the special ones")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [_pieces(pretokenizer), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.model = models.BPE()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=MINIMUM,
        special_tokens=SPECIALS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.decoder = decoders.ByteLevel()


def _train_bpe(tokenizer: Tokenizer, texts: Sequence[str], vocabulary: int, pretokenizer: Pretokenizer) -> None:
    metaspace = pre_tokenizers.Metaspace(SPACE, prepend_scheme="first", split=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([_pieces(pretokenizer), metaspace])
    tokenizer.model = models.BPE(unk_token=UNKNOWN)
    alphabet = _alphabet(tokenizer, texts, vocabulary)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(BYTES),
        min_frequency=MINIMUM,
        special_tokens=SPECIALS,
        # The trainer's own choice among characters that are equally frequent differs from run to run.
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    trained = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(trained["vocab"], key=trained["vocab"].__getitem__)
    tokens[len(SPECIALS) : len(SPECIALS)] = BYTES
    tokenizer.model = models.BPE(
        vocab={token: at for at, token in enumerate(tokens)},
        merges=[(left, right) for left, right in trained["merges"]],
        unk_token=UNKNOWN,
        byte_fallback=True,
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )


def _alphabet(tokenizer: Tokenizer, texts: Sequence[str], vocabulary: int) -> list[str]:
    """The characters, as the trainer reads them, that a BPE of ``vocabulary`` tokens has as tokens of their own."""
    counts = Counter({SPACE: len(texts)})
    for text in texts:
        counts.update(tokenizer.normalizer.normalize_str(text).replace(" ", SPACE))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    covered = np.cumsum([count for _, count in ranked])
    needed = int(np.searchsorted(covered, COVERAGE * covered[-1])) + 1
    fixed = len(SPECIALS) + len(BYTES)
    room = int(CHARACTERS * (vocabulary - fixed))
    if needed > room:
        raise GraftError(
            f"vocabulary is {vocabulary}: a bpe of these texts needs {fixed + math.ceil(needed / CHARACTERS)} tokens "
            f"or more, {fixed} for bytes and special tokens, {needed} for characters and as many for what they form"
        )
    return [character for character, count in ranked[:room] if count >= MINIMUM]
