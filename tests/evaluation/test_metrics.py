"""Metrics against scikit-learn and known answers, without a hub and side by side."""

import os
import subprocess
import sys
from pathlib import Path

import evaluate
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from pipeline.evaluation.measures import validation_figures
from pipeline.evaluation.metrics import Accuracy, MacroF1, PerClass, label_figures, slugs
from tests.conftest import one_label

# Blocks every socket first; then imports, computes, and prints what was found.
OFFLINE = """
import socket
def refuse(*arguments, **options):
    raise RuntimeError("a metric reached for the network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from pipeline.evaluation.metrics import MacroF1
from tests.conftest import one_label
print(MacroF1(2).compute(predictions=[0, 1], references=[0, 1])["macro_f1"])
"""


def test_known_answers():
    labels, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    figures = label_figures(labels, predicted, ["no", "yes"])
    assert figures["accuracy"] == 0.75
    assert figures["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert figures["precision_yes"] == pytest.approx(2 / 3)
    assert figures["recall_no"] == 0.5
    assert figures["support_no"] == 2
    assert not [key for key in figures if "domain" in key]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_agrees_with_scikit_learn(pairs):
    labels, predicted = np.array(pairs).T
    expected = f1_score(labels, predicted, labels=range(4), average="macro", zero_division=0)
    assert label_figures(labels, predicted, list("abcd"))["macro_f1"] == pytest.approx(expected)


def test_a_label_without_rows_counts_zero():
    assert MacroF1(4).compute(predictions=[0, 1], references=[0, 1])["macro_f1"] == 0.5


def test_domains_are_measured_apart():
    labels, predicted = np.array([0, 1, 0, 1]), np.array([0, 1, 1, 0])
    figures = label_figures(labels, predicted, ["a", "b"], ["New York", "New York", "web", "web"])
    assert figures["macro_f1_domain_new_york"] == 1.0
    assert figures["accuracy_domain_web"] == 0.0
    assert figures["rows_domain_web"] == 2


def test_a_domain_counts_the_labels_that_its_texts_have():
    domains = ["all", "all", "all", "some", "some"]
    figures = label_figures(np.array([0, 1, 2, 0, 0]), np.array([0, 1, 2, 0, 2]), ["a", "b", "c"], domains)
    assert figures["macro_f1_domain_some"] == pytest.approx(2 / 3)
    true = np.array([[1, 0, 0], [0, 1, 1], [1, 0, 1], [1, 0, 0], [0, 0, 0]])
    said = np.array([[1, 0, 0], [0, 1, 1], [1, 0, 1], [1, 0, 0], [1, 1, 0]])
    many = label_figures(true, said, ["a", "b", "c"], domains)
    assert many["macro_f1_domain_some"] == pytest.approx(2 / 3)
    assert many["macro_f1"] == pytest.approx(np.mean([6 / 7, 2 / 3, 1.0]))


def test_one_domain_is_not_told_apart():
    figures = label_figures(np.array([0, 1]), np.array([0, 1]), ["a", "b"], ["web", "web"])
    assert not [key for key in figures if "domain" in key]


def test_validation_figures_of_logits():
    logits = np.array([[2.0, 1.0], [0.0, 3.0]])
    assert validation_figures(logits, np.array([0, 1]), one_label("a", "b")) == {"accuracy": 1.0, "macro_f1": 1.0}


def test_they_are_evaluate_metrics_and_combine():
    metrics = evaluate.combine([Accuracy(2), MacroF1(2), PerClass(["no", "yes"])])
    metrics.add_batch(predictions=[0, 1], references=[0, 1])
    metrics.add_batch(predictions=[1], references=[0])
    figures = metrics.compute()
    assert figures["accuracy"] == pytest.approx(2 / 3)
    assert figures["support_no"] == 2


def test_metrics_leave_the_random_state_alone():
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    MacroF1(2).compute(predictions=[0, 1], references=[0, 1])
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_offline_side_by_side_and_without_touching_the_home(tmp_path):
    environment = os.environ | {"HF_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    environment.pop("HF_EVALUATE_OFFLINE", None)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", OFFLINE]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, cwd=root, env=environment, **pipes) for _ in range(2)]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert out.strip() == "1.0", err
    assert not list(tmp_path.rglob("*.arrow*"))


@given(st.lists(st.text(max_size=6), max_size=8, unique=True))
def test_slugs_are_plain_and_distinct(names):
    keys = slugs(names)
    assert len(set(keys)) == len(names)
    assert all(key and set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789_") for key in keys)


def test_slugs_of_names_that_collide_or_vanish():
    assert slugs(["Very good", "bad"]) == ["very_good", "bad"]
    assert slugs(["a b", "a-b"]) == ["a_b_0", "a_b_1"]
    assert slugs(["消极", "积极"]) == ["0", "1"]
