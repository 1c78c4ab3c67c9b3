"""One text as it will be learnt from: visible characters, single spaces, one Unicode form."""

import re
import unicodedata
from itertools import groupby

SPACES = re.compile(r"\s+")

# Never seen and never meant: control characters (Cc) that are no white space, the byte order mark,
# private-use characters (Co) and lone surrogates. Zero-width joiners stay: emoji, Persian and the
# scripts of India are misspelt without them.
HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufeff\ud800-\udfff\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]"
)

# Python orders the marks behind a letter by insertion, in time that grows with their square: ten thousand
# take a tenth of a second, ten million would take a day.
LONG = 10_000

INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})


def normalise(text: str) -> str:
    """Return ``text`` without hidden characters, in NFC, every run of white space as one space."""
    visible = _tidy(text)
    return unicodedata.normalize("NFC", visible if len(visible) <= LONG else _order_marks(visible))


def _tidy(text: str) -> str:
    return SPACES.sub(" ", HIDDEN.sub("", text)).strip()


def clean_text(text: str, min_characters: int, max_characters: int) -> tuple[str, str]:
    """Return the normalised text and why it is refused: ``empty``, ``too_short``, ``too_long`` or "".

    A text of punctuation alone is kept: ":)" and "!!!" carry sentiment. Empty is what leaves no
    mark on paper: white space, control and format characters.
    """
    tidy = _tidy(text)
    if not _is_visible(tidy):
        return tidy, "empty"
    # In NFC a character stands for four at most, so no form of this text is short enough.
    if len(tidy) > 4 * max_characters:
        return tidy, "too_long"
    cleaned = normalise(tidy)
    if len(cleaned) < min_characters:
        return cleaned, "too_short"
    if len(cleaned) > max_characters:
        return cleaned, "too_long"
    return cleaned, ""


def _is_visible(text: str) -> bool:
    return any(unicodedata.category(character) not in INVISIBLE for character in text)


def _order_marks(text: str) -> str:
    """Return an equivalent of ``text`` (canonically: NFD) in which every run of marks is in its order already."""
    decomposed = "".join(unicodedata.normalize("NFD", character) for character in text)
    runs = groupby(decomposed, key=lambda character: unicodedata.combining(character) > 0)
    return "".join("".join(sorted(run, key=unicodedata.combining) if marks else run) for marks, run in runs)
