"""One text as it will be learnt from: visible characters, single spaces, one Unicode form."""

import re
import unicodedata

SPACES = re.compile(r"\s+")

# Never seen and never meant: control characters (Cc) that are no white space, the byte order mark,
# private-use characters (Co) and lone surrogates. Zero-width joiners stay: emoji, Persian and the
# scripts of India are misspelt without them.
HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufeff\ud800-\udfff\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]"
)

INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})


def normalise(text: str) -> str:
    """Return ``text`` without hidden characters, in NFC, every run of white space as one space."""
    return unicodedata.normalize("NFC", SPACES.sub(" ", HIDDEN.sub("", text)).strip())


def clean_text(text: str, min_characters: int, max_characters: int) -> tuple[str, str]:
    """Return the normalised text and why it is refused: ``empty``, ``too_short``, ``too_long`` or "".

    A text of punctuation alone is kept: ":)" and "!!!" carry sentiment. Empty is what leaves no
    mark on paper: white space, control and format characters.
    """
    cleaned = normalise(text)
    if not _is_visible(cleaned):
        return cleaned, "empty"
    if len(cleaned) < min_characters:
        return cleaned, "too_short"
    if len(cleaned) > max_characters:
        return cleaned, "too_long"
    return cleaned, ""


def _is_visible(text: str) -> bool:
    return any(unicodedata.category(character) not in INVISIBLE for character in text)
