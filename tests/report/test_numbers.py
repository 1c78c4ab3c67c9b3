"""Numbers as a reader sees them."""

import pytest

from pipeline.report.numbers import count, percent, points, score, signed_points, size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (score(0.71349), "0.713"),
        (score(None), "–"),
        (percent(0.923), "92\u00a0%"),
        (percent(0.9953, 1), "99.5\u00a0%"),
        (percent(None), "–"),
        (points(0.0513), "5.1"),
        (points(-0.0513), "−5.1"),
        (points(-0.0001), "0.0"),
        (signed_points(0.0001), "0.0"),
        (signed_points(0.02), "+2.0"),
        (size(22_713_216), "22.7\u00a0M"),
        (size(812), "812"),
        (size(None), "–"),
        (count(23703), "23\u202f703"),
    ],
)
def test_as_text(text, expected):
    assert text == expected
