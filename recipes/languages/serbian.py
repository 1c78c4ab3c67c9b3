"""Serbian in its other script: every letter or pair of letters of the Latin one has its own in the Cyrillic one."""

import re

PAIRS = {"lj": "љ", "nj": "њ", "dž": "џ"}
LETTERS = dict(zip("abvgdđežzijklmnoprstćufhcčš", "абвгдђежзијклмнопрстћуфхцчш", strict=True))
LATIN = re.compile("lj|nj|dž|.", re.IGNORECASE | re.DOTALL)


def to_cyrillic(text: str) -> str:
    """Return Serbian text in Cyrillic letters; what has none there stays: ``Nova njiva`` → ``Нова њива``."""
    return LATIN.sub(lambda match: _letter(match[0]), text)


def _letter(latin: str) -> str:
    lowered = latin.lower()
    cyrillic = PAIRS.get(lowered) or LETTERS.get(lowered, "")
    if not cyrillic:
        return latin
    return cyrillic.upper() if latin[0].isupper() else cyrillic
