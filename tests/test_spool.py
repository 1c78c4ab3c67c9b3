"""What lies in nameless files is what went in."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.spool import Spool, TextSpool


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4), max_size=5))
def test_texts_come_back_in_their_order(tmp_path: Path, batches: list[list[str]]) -> None:
    spool = TextSpool(tmp_path)
    for batch in batches:
        spool.append(batch)
    texts = [text for batch in batches for text in batch]
    assert len(spool) == len(texts)
    assert list(spool) == texts == [spool[at] for at in range(len(texts))]
    assert spool[1:3] == texts[1:3]
    assert spool.arrow().equals(pa.array(texts, pa.large_string()))


@pytest.mark.parametrize("shape", [(), (2,)])
def test_rows_come_back_in_their_order(tmp_path: Path, shape: tuple[int, ...]) -> None:
    spool = Spool(tmp_path, np.int32, *shape)
    assert spool.array().shape == (0, *shape)
    rows = np.arange(7 * int(np.prod(shape)), dtype=np.int32).reshape(7, *shape)
    for part in (rows[:3], rows[3:3], rows[3:]):
        spool.append(part)
    np.testing.assert_array_equal(spool.array(), rows)
    np.testing.assert_array_equal(spool.read(2, 5), rows[2:5])


def test_no_file_is_left(tmp_path: Path) -> None:
    spool = TextSpool(tmp_path)
    spool.append(["a"])
    assert list(tmp_path.iterdir()) == []
