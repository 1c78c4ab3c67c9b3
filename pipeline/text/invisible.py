"""Characters that leave no mark on paper: removed where they carry nothing, kept where a script or an emoji needs them.

A character is judged by what stands before and behind the run of invisible ones that it lies in. Unicode Standard,
chapters 9, 12, 13, 16 and 23; UTS #51 on emoji. This file lies as ``invisible.py`` in every folder that the stage
``export`` writes.
"""

import re
import unicodedata

# Embeddings, overrides and isolates: they turn the order on paper around, not that of what is read.
BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")

# Soft hyphen, grapheme joiner, Arabic and other direction marks, Hangul fillers, Mongolian and other variation
# selectors, zero-width spaces and joiners, invisible operators, annotations, tags.
RUN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u2060-\u2064\u206a-\u206f\u3164\ufe00-\ufe0f\uffa0"
    "\ufff9-\ufffb\U000e0001\U000e0020-\U000e007f\U000e0100-\U000e01ef]+"
)

JOINERS, DIRECTION_MARKS, FILLERS = "\u200c\u200d", "\u061c\u200e\u200f", "\u115f\u1160"

# Letters that take another shape beside a joiner: Arabic, Syriac, N'Ko and Mandaic; the scripts of India, Tibet,
# Burma, Cambodia, Java and Bali; Mongolian; their kin beyond the first plane.
JOINING = re.compile(
    "[\u0600-\u07ff\u0840-\u0dff\u0f00-\u109f\u1780-\u18af\u1900-\u194f\u1b00-\u1b7f\u1cd0-\u1cff\ua8e0-\ua8ff"
    "\ua980-\ua9ff\uaa60-\uaa7f\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00010fff\U00011000-\U00011fff"
    "\U0001e900-\U0001e95f]"
)
# No spaces are written between words: Thai, Lao, Tibetan, Burmese, Khmer, the Tai scripts.
UNSPACED = re.compile("[\u0e00-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaadf]")
HAN = re.compile("[\u2e80-\u2fff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
MONGOLIAN = re.compile("[\u1800-\u180a\u1810-\u18af]")
# What a variation selector may follow besides symbols: keycaps, and signs of other kinds that are emoji as well.
VARYING = re.compile("[0-9#*\u203c\u2049\u2139\u3030\u303d\u1000-\u109f\ua840-\ua87f]")
# Hebrew, Arabic, Syriac, Thaana, N'Ko and their kin.
LEFTWARDS = re.compile(
    "[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
JAMO = re.compile("[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]")
PICTURES = re.compile("[\U0001f000-\U0001fbff]")

# The flags of England, Scotland and Wales: a black flag, then letters and an end that only fonts see.
FLAG, FLAG_TAGS = "\U0001f3f4", re.compile("[\U000e0020-\U000e007e]+\U000e007f")


def drop_invisible(text: str) -> str:
    """Return ``text`` without the invisible characters that carry nothing where they stand."""
    if not RUN.search(text):
        return text
    # Where two directions meet, the marks may stand beside signs of neither.
    marks = DIRECTION_MARKS if LEFTWARDS.search(text) else ""

    def kept(run: re.Match[str]) -> str:
        return _needed(run[0], text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1], marks)

    return RUN.sub(kept, text)


def _needed(run: str, before: str, behind: str, marks: str) -> str:
    tags = FLAG_TAGS.match(run) if before == FLAG else None
    begin = tags[0] if tags else ""
    # One of each kind: a second joiner says no more than the first.
    rest = dict.fromkeys(run[len(begin) :])
    return begin + "".join(
        character for character in rest if character in marks or _is_needed(character, before, behind)
    )


def _is_needed(character: str, before: str, behind: str) -> bool:
    if character in JOINERS:
        shapes = bool(JOINING.match(before) or JOINING.match(behind))
        return shapes or (character == "\u200d" and _is_picture(before) and _is_picture(behind))
    if character == "\u200b":
        return bool(UNSPACED.match(before) and UNSPACED.match(behind))
    if "\ufe00" <= character <= "\ufe0f":
        return bool(_is_picture(before) or VARYING.match(before) or HAN.match(before) or MONGOLIAN.match(before))
    if "\U000e0100" <= character <= "\U000e01ef":
        return bool(HAN.match(before))
    if "\u180b" <= character <= "\u180f":
        return bool(MONGOLIAN.match(before))
    if character in FILLERS:
        return bool(JAMO.match(before) or JAMO.match(behind))
    # The grapheme joiner keeps marks, of Hebrew for one, in the order that they were written in.
    return character == "\u034f" and bool(before) and unicodedata.combining(before) > 0


def _is_picture(character: str) -> bool:
    """Whether it is, or ends, an emoji; newer ones than this Python knows lie among the pictures."""
    if not character:
        return False
    return bool(PICTURES.match(character)) or unicodedata.category(character) in ("So", "Sm", "Sk", "Me")
