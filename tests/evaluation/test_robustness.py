import unicodedata
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.robustness import HIDDEN_ATTACKS, attack, robustness_figures, sample_rows, summarise
from pipeline.settings.robustness import RobustnessConfig
from pipeline.text.cleaning import normalise
from pipeline.text.policy import PLAIN, Policy
from tests.conftest import one_label

KINDS = RobustnessConfig().kinds
TASK = one_label("poor", "good")
TEXT = "A gorgeous film about people who never asked for one, and a story that holds. " * 20


@pytest.mark.parametrize("kind", KINDS)
def test_an_attack_hits_about_the_share_that_is_asked_for(kind) -> None:
    attacked = attack(TEXT, kind, 0.1, 7)
    letters = sum(map(str.isalpha, TEXT))
    if kind in ("drop", "insert", "zero_width"):
        hits = abs(len(attacked) - len(TEXT))
    else:
        assert len(attacked) == len(TEXT)
        hits = sum(one != other for one, other in zip(attacked, TEXT, strict=True)) / (2 if kind == "swap" else 1)
    assert 0.04 * letters < hits < 0.16 * letters
    assert attack(TEXT, kind, 0.1, 7) == attacked
    assert attack(TEXT, kind, 0.1, 8) != attacked
    assert attack(TEXT, kind, 1e-9, 7) == TEXT


def test_what_each_attack_does() -> None:
    assert attack("ab cd", "swap", 1.0, 7) == "ba dc"
    assert attack("ab, 1", "drop", 1.0, 7) == ", 1"
    assert attack("aB 1", "case", 1.0, 7) == "Ab 1"
    assert set(attack("a" * 300, "keyboard", 1.0, 7)) == set("qwsz")
    assert set(attack("A" * 300, "keyboard", 1.0, 7)) == set("QWSZ")
    assert attack("это 漢", "keyboard", 1.0, 7) == "это 漢"
    assert set(attack("e" * 300, "homoglyphs", 1.0, 7)) == set("еҽ")
    assert attack("漢字 123", "homoglyphs", 1.0, 7) == "漢字 123"
    inserted = attack("ab", "insert", 1.0, 7)
    assert (inserted[0], inserted[2], len(inserted)) == ("a", "b", 4)
    assert set(inserted) <= set("ab")


@given(st.text(), st.sampled_from(KINDS), st.floats(0.01, 1))
def test_an_attack_touches_letters_alone(text: str, kind, rate: float) -> None:
    def rest(words: str) -> list[str]:
        return [each for each in words if not each.isalpha() and unicodedata.category(each) != "Cf"]

    assert rest(attack(text, kind, rate, 7)) == rest(text)


def test_the_policy_takes_back_what_cannot_be_seen() -> None:
    words = "wonderful film with a gorgeous story that everyone should see twice"
    hidden = [attack(words, "zero_width", 0.2, seed) for seed in range(20)]
    assert all(normalise(text) != words for text in hidden)
    assert [normalise(text, Policy()) for text in hidden] == [words] * 20
    mixed = [attack(words, "homoglyphs", 0.1, seed) for seed in range(50)]
    left = [sum(a != b for a, b in zip(normalise(text, Policy()), words, strict=True)) for text in mixed]
    hit = [sum(a != b for a, b in zip(text, words, strict=True)) for text in mixed]
    assert sum(left) < sum(hit) / 2


def keyword(asked: list[str]):
    """A model that reads whether the text holds ``good``."""

    def read(texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return np.array([[0.0, 1.0] if "good" in text else [1.0, 0.0] for text in texts])

    return read


def test_figures_of_a_model_that_reads_one_word() -> None:
    texts, labels = ["so good a film", "so poor a film"] * 30, np.array([1, 0] * 30)
    config = RobustnessConfig(kinds=["drop", "homoglyphs", "zero_width"], rate=0.3)
    asked: list[str] = []
    found = robustness_figures(texts, labels, keyword(asked), TASK, Policy(), config)
    assert len(asked) == len(set(asked)), "each text is read once"
    assert (found["macro_f1"], found["texts"], found["rate"]) == (1.0, 60, 0.3)
    assert found["macro_f1_zero_width"] < 0.9
    assert found["macro_f1_zero_width_policy"] == found["won_back_zero_width"] == 1.0
    assert found["macro_f1_drop"] == found["macro_f1_drop_policy"] < 1.0
    assert found["won_back_drop"] == 0.0
    lost = sum(1 - found[f"macro_f1_{kind}"] for kind in HIDDEN_ATTACKS)
    left = sum(1 - found[f"macro_f1_{kind}_policy"] for kind in HIDDEN_ATTACKS)
    assert found["won_back"] == pytest.approx(1 - left / lost, abs=1e-5)
    line = summarise("static", found, TASK)
    assert line.startswith("static: macro-F1 1.000 of 60 texts; homoglyphs 0.")
    assert line.endswith("with the policy 1.000 (100% of the loss won back)")
    without = robustness_figures(texts, labels, keyword([]), TASK, PLAIN, config)
    assert without["won_back"] == 0.0, "without its rules nothing is won back"


def test_what_nothing_costs_has_no_share_won_back() -> None:
    texts, labels = ["GOOD", "poor"] * 10, np.array([0, 0] * 10)
    found = robustness_figures(texts, labels, keyword([]), TASK, Policy(), RobustnessConfig(kinds=["zero_width"]))
    assert not any(name.startswith("won_back") for name in found)
    assert "no loss" in summarise("x", found, TASK)


def test_the_sample_is_drawn_by_the_seed_and_in_order() -> None:
    rows = sample_rows(1000, RobustnessConfig(texts=100))
    assert len(set(rows)) == 100
    assert (np.diff(rows) > 0).all()
    assert (sample_rows(1000, RobustnessConfig(texts=100, seed=8)) != rows).any()
    assert sample_rows(3, RobustnessConfig(texts=100)).tolist() == [0, 1, 2]
