import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.invisible import BIDI, RUN, drop_invisible

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
ANY = st.text(
    st.sampled_from("a漢กک👩🏴❤1\u0301\u05b0\u00ad\u034f\u180b\u1820\u200b\u200c\u200d\u200f\ufe0f\U000e0067\U000e007f")
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("so\u00adft w\u2060o\u200br\u200cd\u200d", "soft word"),
        ("می\u200c\u200c\u200dخواهم", "می\u200c\u200dخواهم"),  # one of each kind
        ("漢\u200b字 and ก\u200bข", "漢字 and ก\u200bข"),  # Thai needs it, Chinese does not
        ("\u200d👩\u200d\u200d👧\u200d", "👩\u200d👧"),
        (f"{ENGLAND}\u200d! a{ENGLAND[1:]}", f"{ENGLAND}! a"),
        ("\U0001f3f4\U000e0067\U000e0062", "\U0001f3f4"),  # a flag that is not closed
        ("ℹ\ufe0f 1\ufe0f\u20e3 a\ufe0f b\U000e0100 葛\U000e0100", "ℹ\ufe0f 1\ufe0f\u20e3 a b 葛\U000e0100"),
        ("a\u200eb\u200f \u061c", "ab "),
        ("שלום (C++)\u200e!", "שלום (C++)\u200e!"),
        ("\u3164name\u3164 \u1160x \u115f\u1161", "name x \u115f\u1161"),
        ("ᠨ\u180eᠠ ᠭ\u180bᠠ a\u180eb\u180b", "ᠨ\u180eᠠ ᠭ\u180bᠠ ab"),
        ("\u05b0\u034f\u05b8 a\u034fb", "\u05b0\u034f\u05b8 ab"),
    ],
)
def test_what_carries_nothing_goes_and_nothing_else(text: str, left: str) -> None:
    assert drop_invisible(text) == left


@given(ANY)
def test_a_second_time_changes_nothing_and_what_is_seen_stays(text: str) -> None:
    left = drop_invisible(text)
    assert drop_invisible(left) == left
    assert RUN.sub("", left) == RUN.sub("", text)


def test_long_runs_take_no_longer_than_other_texts() -> None:
    # A look past marks and runs for each of them would take hours.
    assert len(drop_invisible("a\u0301\u200b" * 300_000)) == 600_000
    assert drop_invisible("a" + "\u200d" * 1_000_000) == "a"


def test_no_direction_but_marks_is_left() -> None:
    assert BIDI.sub("", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e") == "\u200e"
