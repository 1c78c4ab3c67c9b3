"""Tokenize word by word and remember the words: most words of a text were read before.

The ids are exactly those that the tokenizer gives the whole text, for only a tokenizer that never reads across a space
is taken; where it always reads punctuation apart from words, so is this done here, and far more words are known. This
file lies as ``words.py`` in every folder that the stage ``export`` writes.
"""

import json
import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

from tokenizers import Tokenizer

# Words that are remembered, and their characters in all. Beyond either all are forgotten: a server that runs for months
# follows its texts, and nobody can fill its memory with words that never come again.
WORDS, CHARACTERS = 2**16, 2**20

# What treats each word as if it stood alone; a pre-tokenizer must also split at every space.
NORMALIZERS = {"BertNormalizer", "Lowercase", "StripAccents", "NFC", "NFD", "NFKC", "NFKD"}
PRE_TOKENIZERS = {"BertPreTokenizer", "Whitespace", "WhitespaceSplit"}
# ASCII's punctuation, a sign at a time, and what stands between it and spaces.
PARTS = re.compile(r"[^ !-/:-@\[-`{-~]+|[!-/:-@\[-`{-~]")

PROCESSORS = {"TemplateProcessing", "BertProcessing", "RobertaProcessing"}


class WordMemory:
    """The token ids of texts by ``tokenizer``, which truncates; make it with ``of``."""

    def __init__(
        self, tokenizer: Tokenizer, before: list[int], after: list[int], whole: re.Pattern[str] | None
    ) -> None:
        self.tokenizer, self.before, self.after = tokenizer, before, after
        # A text that holds ``whole`` is cut at its spaces alone; so is every text where this is None.
        self.whole = whole
        truncation = tokenizer.truncation
        assert truncation is not None
        self.room = truncation["max_length"] - len(before) - len(after)
        self.keeps_end = truncation["direction"] == "left"
        self.known: dict[str, tuple[int, ...]] = {}
        self.characters = 0

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "WordMemory | None":
        """Return a memory for ``tokenizer``, or None if it may read across a space."""
        # A text that leaves a token shows what is put around its tokens.
        sample = tokenizer.encode("a")
        own = [at for at, special in enumerate(sample.special_tokens_mask) if not special]
        settings = json.loads(tokenizer.to_str())
        if not own or not _reads_words(settings):
            return None
        whole = None
        if _reads_signs(settings):
            added = [re.escape(each["content"]) for each in settings["added_tokens"]]
            whole = re.compile("|".join(added) or r"(?!)")
        return cls(tokenizer, sample.ids[: own[0]], sample.ids[own[-1] + 1 :], whole)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text."""
        # Another thread may put a new memory in the place of this one, but takes nothing out of it.
        known = self.known
        split = [self._cut(text) for text in texts]
        new = list(set().union(*split).difference(known))
        if new:
            encodings = self.tokenizer.encode_batch_fast(new, add_special_tokens=False)
            known.update(zip(new, (tuple(each.ids) for each in encodings), strict=True))
            self.characters += sum(map(len, new))
        found = [self._surround(list(chain.from_iterable(map(known.__getitem__, words)))) for words in split]
        if len(known) > WORDS or self.characters > CHARACTERS:
            self.known, self.characters = {}, 0
        return found

    def _cut(self, text: str) -> list[str]:
        return text.split(" ") if self.whole is None or self.whole.search(text) else PARTS.findall(text)

    def _surround(self, ids: list[int]) -> list[int]:
        kept = ids[max(0, len(ids) - self.room) :] if self.keeps_end else ids[: self.room]
        return self.before + kept + self.after


def _reads_words(settings: dict[str, Any]) -> bool:
    splitters = _parts(settings["pre_tokenizer"], "pretokenizers")
    around = settings["post_processor"]
    return (
        all(each["type"] in NORMALIZERS for each in _parts(settings["normalizer"], "normalizers"))
        and bool(splitters)
        and splitters[0]["type"] in PRE_TOKENIZERS
        and (around is None or around["type"] in PROCESSORS)
        and not settings["model"].get("dropout")
        and all(each["content"].split() == [each["content"]] for each in settings["added_tokens"])
    )


def _reads_signs(settings: dict[str, Any]) -> bool:
    """Whether each sign of ASCII's punctuation is always read by itself, but for the added tokens as they are written.

    Composition, as in NFC, may join a sign with the mark behind it.
    """
    splitters = _parts(settings["pre_tokenizer"], "pretokenizers")
    return (
        splitters[0]["type"] == "BertPreTokenizer"
        and all(
            each["type"] in ("BertNormalizer", "Lowercase") for each in _parts(settings["normalizer"], "normalizers")
        )
        and not any(each["normalized"] for each in settings["added_tokens"])
    )


def _parts(setting: dict[str, Any] | None, name: str) -> list[dict[str, Any]]:
    if setting is None or setting["type"] != "Sequence":
        return [] if setting is None else [setting]
    return [part for each in setting[name] for part in _parts(each, name)]
