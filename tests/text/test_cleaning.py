import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.cleaning import clean_text, normalise
from pipeline.text.placeholder import MASK

ANY = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C"]))


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("  two\t\twords\r\nand\u2028more\u00a0", "two words and more"),
        ("e\u0301te\u0301", "été"),
        ("\ufeffbyte\x00 order\x07", "byte order"),
        (f"hidden{MASK} word", "hidden word"),
        ("lone \ud83d half", "lone half"),
        ("👩\u200d👧 می\u200cخواهم", "👩\u200d👧 می\u200cخواهم"),
    ],
)
def test_known_texts(raw: str, cleaned: str) -> None:
    assert normalise(raw) == cleaned


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"),
        (" \n\u200d\u00ad ", "empty"),
        ("a", "too_short"),
        ("ab", ""),
        (":)", ""),
        ("!!!", ""),
        ("😀😀", ""),
        ("好评", ""),
        ("x" * 10, ""),
        ("x" * 11, "too_long"),
    ],
)
def test_reasons(raw: str, reason: str) -> None:
    assert clean_text(raw, 2, 10)[1] == reason


@given(ANY)
def test_cleaning_twice_changes_nothing(raw: str) -> None:
    assert normalise(normalise(raw)) == normalise(raw)


@given(ANY)
def test_a_cleaned_text_has_one_line_one_form_and_can_be_written(raw: str) -> None:
    cleaned = normalise(raw)
    assert len(cleaned.splitlines()) <= 1
    assert unicodedata.is_normalized("NFC", cleaned)
    assert MASK not in cleaned
    assert "  " not in cleaned
    cleaned.encode("utf-8")


@given(ANY)
def test_letters_and_digits_survive(raw: str) -> None:
    # Counted in NFD: without a hidden character between them, NFC joins a letter and its accent.
    before, after = unicodedata.normalize("NFD", raw), unicodedata.normalize("NFD", normalise(raw))
    assert sum(map(str.isalnum, after)) == sum(map(str.isalnum, before))
