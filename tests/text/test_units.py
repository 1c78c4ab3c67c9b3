from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.cleaning import normalise
from pipeline.text.units import Units


def test_chinese_is_taken_by_characters_and_thai_marks_stay_with_their_letter() -> None:
    assert Units("很好吃").units == ["很", "好", "吃"]
    assert Units("ดีมาก ๆ").units[:2] == ["ดี", "ม"]
    assert Units("좋은 영화").units == ["좋은", "영화"]
    assert Units("the 好 film").units == ["the", "好", "film"]


@given(st.text(st.characters(categories=["L", "M", "N", "P", "Z"])).map(normalise))
def test_units_put_together_are_the_text(text: str) -> None:
    units = Units(text)
    assert units.join(units.units) == text
    assert len(units) == len(units.units)
