"""The rivals on texts a person can judge."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.artifacts import write_json, write_parquet, write_text
from pipeline.errors import GraftError
from pipeline.evaluation.rivals import ngram_answers, vader_answers, vader_applies
from pipeline.settings.rivals import BayesRival, TfidfRival
from pipeline.stages import rival
from pipeline.task import Task
from tests.conftest import one_label
from tests.report.conftest import PARAMS

TEXTS = {"sport": "the striker scored a goal in the match", "food": "bake the bread with flour and butter"}
SENTIMENTS = ["I love this wonderful film", "The table has four legs", "A horrible, awful disaster"]


def split(copies: int) -> pd.DataFrame:
    rows = [(f"{label}{at}", f"{text} {at}", label, "web") for label, text in TEXTS.items() for at in range(copies)]
    return pd.DataFrame(rows, columns=["id", "text", "label", "domain"])


def tfidf(**settings) -> TfidfRival:
    return TfidfRival(kind="tfidf", **settings)


def test_tfidf_learns_and_gives_probabilities_in_the_order_of_the_labels():
    for labels in (["sport", "food"], ["food", "sport"]):
        result = ngram_answers(split(8), split(3), ["goal", "flour"], one_label(*labels), tfidf())
        np.testing.assert_allclose(result.answers.sum(axis=1), 1)
        assert [labels[at] for at in result.answers.argmax(axis=1)] == ["sport", "food"]


def test_tfidf_chooses_on_validation_and_the_first_of_equals():
    result = ngram_answers(split(8), split(3), ["goal"], one_label("food", "sport"), tfidf(regularization=[3.0, 1.0]))
    assert result.chosen == {"regularization": 3.0}
    assert result.parameters > 2


def test_naive_bayes_gives_what_counting_by_hand_gives():
    """Under x "a" is seen twice and "b" once, under y "b" once; one more of each (Laplace)."""
    train = pd.DataFrame({"text": ["a a b", "b"], "label": ["x", "y"]})
    settings = BayesRival(kind="naive_bayes", analyzer="char", ngrams=[1, 1], smoothing=[1.0])
    letters = train.assign(text=train["text"].str.replace(" ", ""))
    result = ngram_answers(letters, letters, ["a", "b"], one_label("x", "y"), settings)
    under_x, under_y = np.array([3 / 5, 2 / 5]), np.array([1 / 3, 2 / 3])
    np.testing.assert_allclose(result.answers[:, 0], under_x / (under_x + under_y))
    assert result.parameters == 2 * 2 + 2


def test_naive_bayes_chooses_on_validation_and_counts_labels_alike():
    train = pd.concat([split(1).query("label == 'sport'")] * 9 + [split(1).query("label == 'food'")])
    settings = BayesRival(kind="naive_bayes", smoothing=[1e-6, 100.0])
    result = ngram_answers(train, split(3), ["the flour", "nothing of these"], one_label("food", "sport"), settings)
    assert result.chosen == {"smoothing": 1e-6}
    assert result.answers[0, 0] > 0.9
    np.testing.assert_allclose(result.answers[1], 0.5, atol=1e-6)


@pytest.mark.parametrize("smoothing", [[1.0, 1e-9], [1e-9, 1.0]])
def test_naive_bayes_takes_the_smoothing_that_is_right_on_validation(smoothing):
    """With hardly any, two letters that were never seen under x outweigh all else; with one, they do not."""
    train = pd.DataFrame({"text": ["aaaa", "bbbz"], "label": ["x", "y"]})
    held_out = pd.DataFrame({"text": ["azz", "bb"], "label": ["x", "y"]})
    settings = BayesRival(kind="naive_bayes", analyzer="char", ngrams=[1, 1], smoothing=smoothing)
    result = ngram_answers(train, held_out, ["azz"], one_label("x", "y"), settings)
    assert result.chosen == {"smoothing": 1.0}
    assert result.answers[0, 0] > 0.5


def test_a_label_never_trained_gets_no_probability():
    result = ngram_answers(split(4), split(2), ["goal"], one_label("art", "food", "sport"), tfidf())
    assert result.answers[0, 0] == 0


def test_texts_without_words_are_refused_with_the_remedy():
    train = split(2).assign(text="!")
    with pytest.raises(GraftError, match="analyzer: char"):
        ngram_answers(train, train, ["!"], one_label("food", "sport"), tfidf())


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["Negative", "neutral", "POSITIVE"], ["POSITIVE", "neutral", "Negative"]),
        (["positive", "negative"], ["positive", "positive", "negative"]),
        (["neutral", "positive"], ["positive", "neutral", "neutral"]),
        (["negative", "neutral"], ["neutral", "neutral", "negative"]),
    ],
)
def test_vader_reads_sentiment_in_the_labels_there_are(labels, expected):
    probabilities = vader_answers(SENTIMENTS, one_label(*labels))
    assert [labels[at] for at in probabilities.argmax(axis=1)] == expected
    assert set(np.unique(probabilities)) == {0.0, 1.0}


def test_vader_applies_to_sentiment_only():
    assert vader_applies(one_label("Positive", "negative"))
    assert not vader_applies(one_label("positive"))
    assert not vader_applies(one_label("positive", "negative", "mixed"))
    assert not vader_applies(one_label("positive", "Positive"))


def test_the_stage_measures_a_rival_and_lets_one_pass_that_does_not_apply(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text(tmp_path / "params.yaml", PARAMS.read_text(encoding="utf-8"))
    write_json(tmp_path / "data/prepared/labels.json", {"labels": ["food", "sport"], "task": "single_label"})
    for name, copies in {"train": 8, "validation": 3, "test": 4}.items():
        write_parquet(tmp_path / f"data/prepared/{name}.parquet", split(copies))
    rival.main("tfidf")
    rival.main("vader")
    tfidf_figures, vader_figures = (
        json.loads((tmp_path / f"metrics/rivals/{name}.json").read_text(encoding="utf-8"))
        for name in ("tfidf", "vader")
    )
    assert tfidf_figures["macro_f1"] == tfidf_figures["applicable"] == 1
    assert vader_figures["applicable"] == 0
    assert "food, sport" in vader_figures["reason"]
    assert pd.read_parquet("predictions/rivals/vader.parquet").empty
    with pytest.raises(GraftError, match=r"rivals\.nope"):
        rival.main("nope")


def test_of_pairs_tfidf_sees_what_the_two_share() -> None:
    def pairs(copies: int) -> pd.DataFrame:
        words = ["goal", "bread", "film", "rain"]
        rows = [(one, other) for one in words for other in words for _ in range(copies if one == other else 1)]
        labels = ["same" if one == other else "other" for one, other in rows]
        texts = [(f"the {one} of {at}", f"a {other}") for at, (one, other) in enumerate(rows)]
        return pd.DataFrame(
            {"text": [text[0] for text in texts], "text_pair": [text[1] for text in texts], "label": labels}
        )

    task = Task("single_label", ["other", "same"], pairs=True)
    asked = [("the rain", "a film"), ("the film", "a film"), ("goal", "rain"), ("goal", "goal")]
    for config in (tfidf(), BayesRival(kind="naive_bayes")):
        found = ngram_answers(pairs(3), pairs(2), asked, task, config).answers
        assert found.argmax(axis=1).tolist() == [0, 1, 0, 1], config.kind
    assert not vader_applies(Task("single_label", ["negative", "positive"], pairs=True))
