"""One text as it will be learnt from: visible characters, single spaces, one Unicode form, and what the policy asks.

This file lies as ``cleaning.py`` in every folder that the stage ``export`` writes, with the four that it imports.
"""

import re
import unicodedata
from itertools import groupby
from typing import NamedTuple

from pipeline.text.homoglyphs import read_imitations
from pipeline.text.invisible import BIDI, drop_invisible
from pipeline.text.masking import PLACED, mask
from pipeline.text.policy import PLAIN, Policy

SPACES = re.compile(r"\s+")

# Of no meaning to anyone, and in no one's way to be removed: the byte order mark, private-use characters (Co), one of
# which stands for a hidden word here, and lone surrogates, which cannot be written.
UNWRITABLE = re.compile("[\ufeff\ud800-\udfff\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]")

# Control characters (Cc) that are no white space.
CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")

# Python orders the marks behind a letter by insertion, in time that grows with their square: ten thousand
# take a tenth of a second, ten million would take a day.
LONG = 10_000

INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})

# One rule may leave work to an earlier one; what comes of a text is settled after two or three rounds.
ROUNDS = 8


class Cleaned(NamedTuple):
    """A text, why it is refused ("" if it is not), and the rules that changed it."""

    text: str
    reason: str
    rules: tuple[str, ...] = ()


def normalise(text: str, policy: Policy = PLAIN) -> str:
    """Return ``text`` as ``policy`` asks, every run of white space as one space; a second time changes nothing."""
    return _settle(_tidy(text, policy, {}), policy, {})


def clean_text(text: str, min_characters: int, max_characters: int, policy: Policy = PLAIN) -> Cleaned:
    """Return the text as ``policy`` asks, and why it is refused: ``empty``, ``too_short``, ``too_long``,
    ``too_little_language`` or "".

    A text of punctuation alone is kept unless ``policy`` asks for letters: ":)" and "!!!" carry sentiment. Empty is
    what leaves no mark on paper: white space, control and format characters.
    """
    rules: dict[str, None] = {}
    tidy = _tidy(text, policy, rules)
    if not any(unicodedata.category(character) not in INVISIBLE for character in tidy):
        return Cleaned(tidy, "empty", tuple(rules))
    # In a composed form a character stands for four at most, so no form of this text is short enough.
    if len(tidy) > 4 * max_characters:
        return Cleaned(tidy, "too_long", tuple(rules))
    cleaned = _settle(tidy, policy, rules)
    return Cleaned(cleaned, _refusal(cleaned, min_characters, max_characters, policy), tuple(rules))


def _refusal(text: str, min_characters: int, max_characters: int, policy: Policy) -> str:
    if len(text) < min_characters:
        return "too_short"
    if len(text) > max_characters:
        return "too_long"
    if policy.letters or policy.letter_share:
        said = PLACED.sub("", text)
        kinds = [unicodedata.category(character)[0] for character in said]
        if kinds.count("L") < policy.letters:
            return "too_little_language"
        # Marks are the vowels of many scripts.
        if kinds.count("L") + kinds.count("M") < policy.letter_share * (len(said) - said.count(" ")):
            return "too_little_language"
    return ""


def _tidy(text: str, policy: Policy, rules: dict[str, None]) -> str:
    """Apply the rules that remove characters, and note in ``rules`` which of them did."""
    for _ in range(ROUNDS):
        before, text = text, _remove(text, policy, rules)
        # What was removed may have kept ftfy from seeing through the rest.
        if not policy.mojibake or text == before:
            break
    return text


def _remove(text: str, policy: Policy, rules: dict[str, None]) -> str:
    if policy.mojibake and not text.isascii():
        from ftfy import fix_encoding

        text = _note("mojibake", text, fix_encoding(text), rules)
    text = UNWRITABLE.sub("", text)
    if policy.control:
        text = _note("control", text, CONTROL.sub("", text), rules)
    if not text.isascii():
        if policy.bidi:
            text = _note("bidi", text, BIDI.sub("", text), rules)
        if policy.zero_width:
            text = _note("zero_width", text, drop_invisible(text), rules)
    return SPACES.sub(" ", text).strip()


def _settle(text: str, policy: Policy, rules: dict[str, None]) -> str:
    """Apply the rules that replace characters to a tidy text, until neither they nor the others have work left."""
    for _ in range(ROUNDS):
        before = text
        if policy.form != "none":
            text = _note("form", text, _compose(text, policy.form), rules)
        if policy.homoglyphs:
            text = _note("homoglyphs", text, read_imitations(text), rules)
        for kind in policy.mask:
            text = _note(f"mask_{kind}", text, mask(text, kind), rules)
        if text == before:
            break
        text = _tidy(text, policy, rules)
    return text


def _note(rule: str, before: str, after: str, rules: dict[str, None]) -> str:
    if after != before:
        rules[rule] = None
    return after


def _compose(text: str, form: str) -> str:
    return unicodedata.normalize("NFKC" if form == "nfkc" else "NFC", text if len(text) <= LONG else _order_marks(text))


def _order_marks(text: str) -> str:
    """Return an equivalent of ``text`` (canonically: NFD) in which every run of marks is in its order already."""
    decomposed = "".join(unicodedata.normalize("NFD", character) for character in text)
    runs = groupby(decomposed, key=lambda character: unicodedata.combining(character) > 0)
    return "".join("".join(sorted(run, key=unicodedata.combining) if marks else run) for marks, run in runs)
