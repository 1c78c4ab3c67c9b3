"""A text as the words, or the characters, that altered copies are made of."""

import re
import unicodedata
from collections.abc import Sequence

# Thai, Lao, Burmese, Khmer, Japanese, Chinese.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


class Units:
    """The words of a text; in scripts that write no spaces a character with its marks stands for a word.

    ``spaced`` says whether white space separates the units.
    """

    def __init__(self, text: str) -> None:
        """Take ``text`` apart."""
        self.spaced = 2 * len(UNSPACED.findall(text)) < len(text)
        self.units = text.split() if self.spaced else _characters(text)

    def __len__(self) -> int:
        return len(self.units)

    def join(self, units: Sequence[str]) -> str:
        """Put units together again."""
        return (" " if self.spaced else "").join(units).strip()


def _characters(text: str) -> list[str]:
    characters: list[str] = []
    for character in text:
        if characters and unicodedata.category(character)[0] == "M":
            characters[-1] += character
        else:
            characters.append(character)
    return characters
