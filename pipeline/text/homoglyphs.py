"""Letters of one script that imitate another's, read as what they imitate: pаypal, with a Cyrillic а, as paypal.

The pairs are Unicode's confusables (UTS #39, confusables.txt) between Latin, Greek and Cyrillic letters, restricted to
single letters and, where Cyrillic or Greek is imitated, to letters that everyday words of Russian, Ukrainian, Serbian
and Greek are written with. This file lies as ``homoglyphs.py`` in every folder that the stage ``export`` writes.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

# Imitators above, what they imitate below.
LATIN_OF = {
    **dict(
        zip(
            "АВСЕԌНЈКМОРЅТѴԜХУҮаЬсԁеҽһіꙇӏјорԛгѕѵѡԝхуү",
            "ABCEGHJKMOPSTVWXYYabcdeehiiljopqrsvwwxyy",
            strict=True,
        )
    ),
    **dict(zip("ΑΒΕϜΗͿΚΜϺΝΟΡΤΧΥΖο", "ABEFHJKMMNOPTXYZo", strict=True)),
}
CYRILLIC_OF = {
    **dict(zip("ABCEHIJKMOPTXYaceijopxy", "АВСЕНІЈКМОРТХУасеіјорху", strict=True)),
    **dict(zip("ΑΒΓΕΗΙΚΜΟΠΡΤΥΦΧο", "АВГЕНІКМОПРТУФХо", strict=True)),
}
GREEK_OF = {
    **dict(zip("ABEZHIKMNOPTYXo", "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", strict=True)),
    **dict(zip("АВГЕНІКМОПРТУФХо", "ΑΒΓΕΗΙΚΜΟΠΡΤΥΦΧο", strict=True)),
}

# Letters of formulas (sinα, hν), which stand at the end or beside one letter: an imitation only inside a word.
LATIN_INSIDE = dict(zip("αιϳσρᴦυνγ", "aijopruvy", strict=True))
# A stroke is a capital I, or inside a word of small letters an l.
STROKES = "ΙІӀ"

IMITATED = {"latin": LATIN_OF, "cyrillic": CYRILLIC_OF, "greek": GREEK_OF}

LATIN = "A-Za-zªº\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u1e00-\u1eff"
GREEK = "\u0370-\u0373\u0376-\u037d\u037f\u0386\u0388-\u03ff\u1d26-\u1d2a\u1f00-\u1fff"
CYRILLIC = "\u0400-\u0481\u048a-\u052f\u1c80-\u1c8f\ua640-\ua69f"
MARKS = "\u0300-\u036f\u0483-\u0487"

WORD = re.compile(f"[{LATIN}{GREEK}{CYRILLIC}{MARKS}]+")
OTHERS = re.compile(f"[{GREEK}{CYRILLIC}]")
SCRIPTS = {name: re.compile(f"[{letters}]") for name, letters in zip(IMITATED, (LATIN, CYRILLIC, GREEK), strict=True)}

# A shorter word, such as ΔT or μM, may be a formula or a unit.
SHORTEST = 3


def read_imitations(text: str) -> str:
    """Return ``text`` with the imitating letters of each word read as its main script, which most letters are of.

    A word of one script is left alone; so is one that holds a letter which imitates nothing, and one of two parts
    of two letters or more (a stem with an ending of another script), for these were mixed by their writer.
    """
    if text.isascii() or not OTHERS.search(text):
        return text
    return WORD.sub(lambda word: _read_word(word[0]), text)


def _read_word(word: str) -> str:
    if sum(letters.search(word) is not None for letters in SCRIPTS.values()) < 2:
        return word
    letters = [(at, script) for at, letter in enumerate(word) if (script := _script(letter))]
    scripts = [script for _, script in letters]
    if len(letters) < SHORTEST:
        return word
    parts = [len(list(part)) for _, part in groupby(scripts)]
    if len(parts) == 2 and min(parts) > 1:
        return word
    counts = Counter(scripts)
    most = max(counts.values())
    readings = {_as_script(word, letters, main) for main, count in counts.items() if count == most} - {None}
    return readings.pop() or word if len(readings) == 1 else word


def _as_script(word: str, letters: Sequence[tuple[int, str]], main: str) -> str | None:
    """Return ``word`` in the script ``main``, None if one of its letters imitates none of that."""
    read = list(word)
    inside = range(letters[0][0] + 1, letters[-1][0])
    for at, script in letters:
        if script == main:
            continue
        image = IMITATED[main].get(word[at])
        if main == "latin" and image is None:
            image = _latin_inside(word, at) if at in inside else ("I" if word[at] in STROKES else None)
        if image is None:
            return None
        read[at] = image
    return "".join(read)


def _latin_inside(word: str, at: int) -> str | None:
    beside = word[at - 1] + word[at + 1]
    if word[at] in STROKES:
        return "I" if beside.isupper() else "l"
    return LATIN_INSIDE.get(word[at]) if len(word) > SHORTEST and not beside.isupper() else None


def _script(letter: str) -> str:
    return next((name for name, letters in SCRIPTS.items() if letters.match(letter)), "")


def look_alikes(letter: str) -> str:
    """Return the letters of other scripts that imitate ``letter``, none if there are none."""
    tables = (*IMITATED.values(), LATIN_INSIDE, dict.fromkeys(STROKES, "I"), dict.fromkeys(STROKES, "l"))
    own = _script(letter)
    found = dict.fromkeys(each for table in tables for each, image in table.items() if image == letter)
    return "".join(each for each in found if _script(each) != own)
