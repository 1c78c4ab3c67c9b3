"""Benchmark tables: known answers."""

from benchmarks.tables import markdown_table, mean_and_spread, ratio, seconds


def test_a_table_is_markdown_with_figures_to_the_right() -> None:
    assert markdown_table(["", "a"], [["x", "1"], ["y", "2"]]) == "|  | a |\n| --- | ---: |\n| x | 1 |\n| y | 2 |"


def test_mean_and_spread() -> None:
    assert mean_and_spread([0.68, 0.70], 2) == "0.690 ± 0.014"
    assert mean_and_spread([0.5, 0.5, 0.5], 3) == "0.500 ± 0.000"
    assert mean_and_spread([0.7134], 1) == "0.713"


def test_missing_figures_are_named() -> None:
    assert mean_and_spread([], 3) == "–"
    assert mean_and_spread([0.7], 3) == "0.700 (1 of 3)"
    assert mean_and_spread([0.68, 0.70], 3) == "0.690 ± 0.014 (2 of 3)"


def test_seconds_and_ratios() -> None:
    assert seconds(12.34) == "12.3 s"
    assert ratio(2.345) == "2.3×"
