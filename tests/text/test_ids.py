import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.ids import altered_id, count_kinds, is_altered, unlabelled_id


def test_ids_tell_where_a_text_comes_from() -> None:
    ids = ["movies-1", "row-12", unlabelled_id("a/b.txt", 3), altered_id("movies-1", "cut", 1), "row-12#mask-20"]
    assert ids[2:4] == ["unlabelled/a/b.txt:3", "movies-1#cut-1"]
    assert is_altered(ids).tolist() == [False, False, False, True, True]
    assert count_kinds(pd.Series(ids)) == {"text": 2, "unlabelled": 1, "cut": 1, "mask": 1}
    assert is_altered([]).tolist() == []
    assert count_kinds([]) == {}


@given(st.text(min_size=1), st.integers(1, 10**9))
def test_no_name_of_a_file_makes_an_unlabelled_text_look_altered(name: str, row: int) -> None:
    ids = [unlabelled_id(name, row), unlabelled_id(f"{name}#cut-1", row), unlabelled_id(f"x#cut-{row}", row)]
    assert not is_altered(ids).any()
    assert count_kinds(ids) == {"unlabelled": 3}
