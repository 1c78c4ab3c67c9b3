import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.homoglyphs import IMITATED, LATIN_INSIDE, STROKES, look_alikes, read_imitations

LETTERS = st.text(st.sampled_from("abcehipstxyzABHKSТаbсенхжλονΗΣ -1"), max_size=30)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("pаypаl сlick hеllо", "paypal click hello"),
        ("frοm Αthens, vαluε", "from Athens, vαluε"),
        ("gοοd mοvie, fαntαstic", "good movie, fantastic"),
        ("heІІo аnd HEІGHT", "hello and HEIGHT"),
        ("Іove Іt", "Iove Іt"),
        ("привет миp, кoт, Mосква", "привет мир, кот, Москва"),
        ("Киiв", "Київ".replace("ї", "і")),
        ("ΕΛΛΗNΙΚA και Aθηνα", "ΕΛΛΗΝΙΚΑ και Αθηνα"),
    ],
)
def test_imitations_are_read_as_the_main_script(text: str, read: str) -> None:
    assert read_imitations(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "сор сосна рука ОСЕНЬ",  # one script, every letter an imitation
        "ΑΒΕΖΗ ΟΡΤ",
        "sinα hν ΔT μTorrent σXY TNFα PPARγ",  # formulas and names
        "HPшный ITшник SMSка",  # a stem with an ending of another script
        "соol",  # as many letters of each script, and either could be meant
        "Dжaз",  # D and ж imitate nothing
    ],
)
def test_what_was_mixed_or_meant_stays(text: str) -> None:
    assert read_imitations(text) == text


@given(LETTERS)
def test_reading_twice_changes_nothing_and_words_stay_as_long(text: str) -> None:
    read = read_imitations(text)
    assert read_imitations(read) == read
    assert [letter.isalpha() for letter in read] == [letter.isalpha() for letter in text]


def test_every_pair_is_of_two_scripts_and_one_case() -> None:
    for main, table in (*IMITATED.items(), ("latin", LATIN_INSIDE)):
        for letter, image in table.items():
            assert unicodedata.name(image).startswith(main.upper())
            assert not unicodedata.name(letter).startswith(main.upper())
            assert letter in "ЬӏІ" or letter.isupper() == image.isupper(), letter


def test_a_long_word_takes_no_longer_than_many_short_ones() -> None:
    # Where its letters are counted anew for each of them, this takes a day.
    assert read_imitations("аpple" * 100_000) == "apple" * 100_000


def test_look_alikes_are_what_the_tables_say() -> None:
    assert set(look_alikes("o")) == {"о", "ο", "σ"}
    assert set(look_alikes("l")) == {*STROKES, "ӏ"}
    assert set(look_alikes("С")) == {"C"}
    assert look_alikes("я") == look_alikes("漢") == look_alikes("1") == ""
