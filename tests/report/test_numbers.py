"""Numbers as a reader sees them."""

import pytest

from pipeline.report.numbers import count, megabytes, milliseconds, percent, points, score, signed_points, size, times


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
        (milliseconds(0.3149), "0.31"),
        (milliseconds(12.34), "12.3"),
        (milliseconds(345.6), "346"),
        (milliseconds(None), "–"),
        (megabytes(4_213_216), "4.2\u00a0MB"),
        (megabytes(42_132), "0.042\u00a0MB"),
        (megabytes(None), "–"),
        (times(2.94), "2.9"),
        (times(9.96), "10"),
        (times(12.3), "12"),
    ],
)
def test_as_text(text, expected):
    assert text == expected
