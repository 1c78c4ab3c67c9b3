"""What is said of an export: changed labels are counted, a wrong graph is refused, and the card holds the figures."""

import numpy as np
import pytest
from huggingface_hub import ModelCard

from pipeline.deployment.card import render_card
from pipeline.deployment.check import calibration_figures, export_figures
from pipeline.errors import GraftError
from pipeline.task import Task, softmax
from tests.conftest import one_label

TASK = one_label("no", "yes")
GOLD = np.array([0, 0, 1, 1])
WHOLE = np.array([[2.0, 0], [2, 0], [0, 2], [0, 2]])
PRUNED = np.array([[2.0, 0], [2, 0], [0, 2], [2, 0]])


def test_each_change_is_counted_against_what_it_was_made_of() -> None:
    eight = np.array([[2.0, 0], [2, 3], [0, 2.5], [2, 0]])
    found = export_figures(WHOLE, PRUNED, {"fp32": PRUNED + 1e-6, "int8": eight}, GOLD, TASK)
    assert (found["flips_pruned"], found["flips_fp32"], found["flips_int8"]) == (1, 0, 1)
    assert found["difference_fp32"] == pytest.approx(1e-6)
    assert found["difference_int8"] == 3
    assert found["macro_f1_pytorch"] == 1
    # Of the labels 0 and 1: two of three and one of one are right, all two and one of two are found.
    assert found["macro_f1_pruned"] == found["macro_f1_fp32"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert found["macro_f1_int8"] == pytest.approx(0.5)


@pytest.mark.parametrize("wrong", [PRUNED + np.eye(4)[:, :2] / 100, np.full((4, 2), np.nan)])
def test_a_graph_that_is_not_the_model_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(GraftError, match="the exported graph is not the model"):
        export_figures(WHOLE, PRUNED, {"fp32": wrong, "int8": PRUNED}, GOLD, TASK)


def test_large_numbers_are_rounded_more_coarsely_and_still_held_to_the_model() -> None:
    prices = np.array([[24_999.0], [180_000.0], [3_500.0], [99_000.0]], np.float32)
    task = Task("regression", ["price"])
    rounded = prices * np.float32(1 + 1e-6)
    found = export_figures(prices, prices, {"fp32": rounded, "int8": prices}, prices, task)
    assert found["difference_fp32"] > 0.1, "what is a thousandth of a logit is none of such numbers"
    with pytest.raises(GraftError, match="the exported graph is not the model"):
        export_figures(prices, prices, {"fp32": prices + 20, "int8": prices}, prices, task)


def test_validation_chooses_and_test_measures() -> None:
    random = np.random.default_rng(0)
    shares = random.dirichlet([1, 1], 4000)
    gold = (random.random(4000) < shares[:, 1]).astype(int)
    # Logits three times as far apart as the truth's.
    labels = {"validation": gold[:2000], "test": gold[2000:]}
    logits = {"validation": 3 * np.log(shares[:2000]), "test": 3 * np.log(shares[2000:])}
    found = calibration_figures(logits, labels, 0.9)
    assert found["temperature"] == pytest.approx(3, rel=0.15)
    assert found["ece_calibrated"] < 0.04 < found["ece"]
    assert found["accuracy_sure"] == pytest.approx(0.9, abs=0.04)
    assert 0.2 < found["coverage"] < 0.8
    other = calibration_figures(logits | {"test": -logits["test"]}, labels, 0.9)
    assert (other["temperature"], other["threshold"]) == (found["temperature"], found["threshold"])
    assert other["accuracy_sure"] < 0.2


def test_where_no_label_is_sure_none_is_said_to_be_wrong() -> None:
    gold = np.array([0, 1] * 50)
    logits = np.where(np.arange(100)[:, None] % 4 < 2, 1.0, -1.0) * np.array([[0.5, -0.5]])
    splits = ("validation", "test")
    found = calibration_figures(dict.fromkeys(splits, logits), dict.fromkeys(splits, gold), 0.9)
    assert (found["threshold"], found["coverage"]) == (1, 0)
    assert "accuracy_sure" not in found


def test_a_coverage_chooses_the_threshold_that_so_many_validation_texts_reach() -> None:
    random = np.random.default_rng(1)
    gold = random.integers(0, 3, 1200)
    # Right nineteen times of twenty: from any confidence on, more than 90 % are right, and nothing would be refused.
    logits = random.normal(size=(1200, 3)) + 4 * np.eye(3)[np.where(random.random(1200) < 0.95, gold, (gold + 1) % 3)]
    parts = {"validation": slice(0, 600), "test": slice(600, None)}
    labels = {split: gold[rows] for split, rows in parts.items()}
    read = {split: logits[rows] for split, rows in parts.items()}
    right = calibration_figures(read, labels, 0.9)
    found = calibration_figures(read, labels, None, 0.95)
    assert right["coverage"] == 1.0
    assert found["threshold"] > right["threshold"]
    assert found["coverage"] == pytest.approx(0.95, abs=0.03)
    chosen = softmax(read["validation"] / found["temperature"]).max(axis=1)
    assert (chosen >= found["threshold"]).sum() == 570


@pytest.mark.parametrize("kept", [700, 900])
def test_the_hub_reads_the_card_and_it_tells_what_was_measured(kept: int) -> None:
    figures = {f"{name}_{each}": 0.7 for name in ("macro_f1",) for each in ("pytorch", "pruned")}
    figures |= {"macro_f1_fp32": 0.7123, "macro_f1_int8": 0.7045, "bytes_fp32": 12_300_000, "bytes_int8": 3_200_000}
    figures |= {"difference_fp32": 2e-6, "difference_int8": 0.25, "flips_fp32": 0, "flips_int8": 31, "flips_pruned": 8}
    figures |= {"temperature": 1.3, "threshold": 0.8123, "coverage": 0.6, "accuracy_sure": 0.912, "rows": 3542}
    figures |= {"ece": 0.09, "ece_calibrated": 0.03, "tokens": 900, "tokens_kept": kept}
    card = ModelCard(render_card("tiny", "Distilled", "static", one_label("bad", "so `so`"), figures, 0.9))
    assert card.data.pipeline_tag == "text-classification"
    assert [each.metric_value for each in card.data.eval_results] == [0.7123, 0.7045]
    for words in ("12.3 MB", "3.2 MB", "31 of 3542", "0.8123", "91.2%", "temperature 1.3"):
        assert words in card.text, words
    assert "0.8123, from which on 90% of the labels were right on validation.\n" in card.text
    assert "text classification: `bad`, `` so `so` ``. Made" in card.text, "a backtick in a label ends no code"
    assert ("700 of 900 rows" in card.text) == (kept == 700)
    assert "{" not in card.text
    refusing = render_card("tiny", "Distilled", "static", one_label("bad", "so `so`"), figures, None, 0.95)
    assert "0.8123, which 95% of the validation texts do: take\nthe others for texts that no label fits.\n" in refusing
    assert "{" not in refusing
    del figures["accuracy_sure"]
    none = render_card("tiny", "Distilled", "static", one_label("bad", "so `so`"), figures, 0.9)
    assert "none of the test texts has a sure label" in none
    assert "right.\n\n## Limits" not in none
