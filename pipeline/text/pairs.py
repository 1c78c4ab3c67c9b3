"""Texts and pairs of texts: a task's input is one text, or two that are read together.

In tables a pair has its second text in the column ``text_pair``; in memory a text is a string, a pair a tuple of two.
What is done to a text is done to each side of a pair. This file lies as ``pairs.py`` in every folder that the stage
``export`` writes.
"""

from collections.abc import Callable, Sequence
from typing import Any

FIRST, SECOND = "text", "text_pair"

# Between the sides of a pair that is compared as one string. Cleaning removes the private-use characters of a user's
# texts, so it cannot occur in them.
JOINT = "\ue001"

TextOrPair = str | tuple[str, str]


def text_columns(frame: Any) -> list[str]:
    """Return the columns of a table (a DataFrame) that hold its texts: the first, and the second where there is one."""
    return [FIRST, SECOND] if SECOND in frame else [FIRST]


def texts_in(frame: Any) -> list[TextOrPair]:
    """Return the texts of a table (a DataFrame), or its pairs where it has the column ``text_pair``."""
    if SECOND in frame:
        return list(zip(frame[FIRST].tolist(), frame[SECOND].tolist(), strict=True))
    texts: list[TextOrPair] = frame[FIRST].tolist()
    return texts


def unfold(frame: Any) -> Any:
    """Return a table whose column ``text`` holds pairs with their sides in the columns ``text`` and ``text_pair``."""
    sides = {
        name: frame[FIRST].map(lambda pair, at=at: pair[at]).astype(object) for at, name in enumerate((FIRST, SECOND))
    }
    return frame.assign(**sides)


def sides_of(text: TextOrPair) -> tuple[str, ...]:
    """Return a text alone, or the two of a pair."""
    return (text,) if isinstance(text, str) else text


def text_from(sides: Sequence[str]) -> TextOrPair:
    """Return a text of one side, or a pair of two."""
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def named(text: TextOrPair) -> dict[str, str]:
    """Return the sides of a text by the names that columns and keys have for them."""
    return dict(zip((FIRST, SECOND), sides_of(text), strict=False))


def each_side(change: Callable[[str], str], text: TextOrPair) -> TextOrPair:
    """Return the text, or each of a pair, as ``change`` returns it."""
    return change(text) if isinstance(text, str) else (change(text[0]), change(text[1]))


def written_out(text: TextOrPair) -> str:
    """Return a text as it is, a pair as one string that no other pair has."""
    return text if isinstance(text, str) else JOINT.join(text)


def reason_of(column: str, reason: str) -> str:
    """Return why a row is refused: of a second text the ``reason`` says so (``text_pair_empty``)."""
    return reason if column == FIRST or not reason else f"{SECOND}_{reason.removeprefix('text_')}"
