"""What a student must be worth: classifiers that need no neural network.

``tfidf``: tf-idf weights and logistic regression, of a number ridge regression. ``naive_bayes``: counts and multinomial
naive Bayes (Manning, Raghavan & Schütze 2008, *Introduction to Information Retrieval*, section 13.2), seconds even with
many labels. Of a pair both texts are counted, each in columns of its own, and beside them what the two have in common:
the products of their weights, and the share of their n-grams that both have.
``vader``: the sentiment lexicon of Hutto & Gilbert, *VADER: A Parsimonious Rule-based Model for Sentiment Analysis of
Social Media Text* (ICWSM 2014).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from threadpoolctl import threadpool_limits
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from pipeline.errors import GraftError
from pipeline.evaluation.measures import measure_of
from pipeline.settings.rivals import BayesRival, TfidfRival
from pipeline.task import Task
from pipeline.text.pairs import TextOrPair, sides_of, texts_in

VADER_LABELS = ("negative", "neutral", "positive")
VADER_THRESHOLD = 0.05


@dataclass(frozen=True)
class NgramResult:
    """Answers (texts, labels), the setting that was chosen, and the size of the model that gave them."""

    answers: np.ndarray
    chosen: dict[str, float]
    parameters: int


@dataclass(frozen=True)
class _Ngrams:
    """What counts n-grams, the name of the setting that validation chooses, its values, and what each makes."""

    vectorizer: CountVectorizer
    setting: str
    values: Sequence[float]
    build: Callable[[float], Any]


def ngram_answers(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    texts: Sequence[TextOrPair],
    task: Task,
    config: TfidfRival | BayesRival,
) -> NgramResult:
    """Fit on ``train``, choose the setting by the score on ``validation``, answer ``texts``.

    Labels weigh the same however many rows they have, because macro-F1 counts them so. Of
    settings that score the same, the first of the list is taken.
    """
    rival, measure = _ngrams(config, task), measure_of(task)
    # Checked here because scikit-learn's own fault for it is a bare ValueError.
    analyze = rival.vectorizer.build_analyzer()
    if not any(analyze(side) for text in texts_in(train) for side in sides_of(text)):
        raise GraftError(f"rivals: the training texts hold no {config.analyzer} n-gram; set analyzer: char")
    # One thread: sums in another order would change the last digits, and with them the published bytes.
    with threadpool_limits(limits=1):
        if task.pairs:
            rival.vectorizer.fit([side for text in texts_in(train) for side in sides_of(text)])
            features = _features(rival.vectorizer, texts_in(train))
        else:
            features = rival.vectorizer.fit_transform(train["text"])
        held_out = _features(rival.vectorizer, texts_in(validation))
        targets, references = (task.targets(each["label"]) for each in (train, validation))
        best = -np.inf
        for value in rival.values:
            # One at a time: with many labels and n-grams each holds gigabytes.
            fitted = rival.build(value).fit(features, targets[:, 0] if task.kind == "regression" else targets)
            score = measure.score(references, measure.decide(_answers(fitted, held_out, task)))
            if score > best:
                best, chosen, classifier = score, value, fitted
        answers = _answers(classifier, _features(rival.vectorizer, texts), task)
    return NgramResult(answers, {rival.setting: float(chosen)}, _parameters(classifier))


def _features(vectorizer: CountVectorizer, texts: Sequence[TextOrPair]) -> Any:
    """What is counted of each text; of pairs also what both texts have in common."""
    if not texts or isinstance(texts[0], str):
        return vectorizer.transform(texts)
    first, second = (vectorizer.transform(side) for side in zip(*map(sides_of, texts), strict=True))
    common = first.multiply(second)
    counts = [(each > 0).sum(axis=1) for each in (common, first + second)]
    share = counts[0] / np.maximum(counts[1], 1)
    return hstack([first, second, common, csr_matrix(np.asarray(share).reshape(-1, 1))], format="csr")


def _ngrams(config: TfidfRival | BayesRival, task: Task) -> _Ngrams:
    counted = {"analyzer": config.analyzer, "ngram_range": (config.ngrams[0], config.ngrams[1])}
    if isinstance(config, TfidfRival):
        vectorizer = TfidfVectorizer(**counted, sublinear_tf=True)
        return _Ngrams(vectorizer, "regularization", config.regularization, partial(_linear, task))
    vectorizer = CountVectorizer(**counted)
    return _Ngrams(vectorizer, "smoothing", config.smoothing, partial(_bayes, task))


def _linear(task: Task, value: float) -> Any:
    if task.kind == "regression":
        return Ridge(alpha=1 / value)
    return _each_label(task, LogisticRegression(C=value, class_weight="balanced", max_iter=2000))


def _bayes(task: Task, value: float) -> Any:
    return _each_label(task, MultinomialNB(alpha=value, fit_prior=False))


def _each_label(task: Task, classifier: Any) -> Any:
    return OneVsRestClassifier(classifier) if task.kind == "multi_label" else classifier


def _answers(fitted: Any, features: Any, task: Task) -> np.ndarray:
    if task.kind == "regression":
        return np.asarray(fitted.predict(features))[:, None]
    answers = np.zeros((features.shape[0], len(task.labels)))
    answers[:, fitted.classes_] = fitted.predict_proba(features)
    return answers


def _parameters(fitted: Any) -> int:
    if isinstance(fitted, OneVsRestClassifier):
        return sum(_parameters(each) for each in fitted.estimators_)
    weights = [getattr(fitted, name, 0) for name in ("coef_", "intercept_", "feature_log_prob_", "class_log_prior_")]
    return sum(np.size(each) for each in weights if not isinstance(each, int))


def bayes_applies(task: Task) -> bool:
    """Whether naive Bayes can be a rival: it tells labels, and no numbers."""
    return task.kind != "regression"


def vader_applies(task: Task) -> bool:
    """Whether there is a number to compare, or one label of two or more of negative, neutral and positive; no pair."""
    lowered = [label.lower() for label in task.labels]
    sentiment = len(lowered) > 1 and len(set(lowered)) == len(lowered) and set(lowered) <= set(VADER_LABELS)
    return not task.pairs and (task.kind == "regression" or (task.kind == "single_label" and sentiment))


def vader_answers(texts: Sequence[str], task: Task) -> np.ndarray:
    """Return what the lexicon says of each text, (texts, labels).

    Of a number its compound score, from -1 to 1: a correlation asks for no scale. Of a label 1, and 0 for the others:
    the score is cut where its authors cut it, positive from 0.05, negative to −0.05, neutral between. Without a
    neutral label the sign decides, 0 counting as positive; without one of the others its texts are neutral. The
    lexicon gives a label and no probability, so none is made up.
    """
    analyzer = SentimentIntensityAnalyzer()
    compounds = [analyzer.polarity_scores(text)["compound"] for text in texts]
    if task.kind == "regression":
        return np.array(compounds, np.float64).reshape(-1, 1)
    position = {label.lower(): at for at, label in enumerate(task.labels)}
    answers = np.zeros((len(texts), len(task.labels)))
    for row, compound in enumerate(compounds):
        answers[row, position[_vader_label(compound, position)]] = 1.0
    return answers


def _vader_label(compound: float, known: dict[str, int]) -> str:
    if "neutral" not in known:
        return "positive" if compound >= 0 else "negative"
    if compound >= VADER_THRESHOLD and "positive" in known:
        return "positive"
    if compound <= -VADER_THRESHOLD and "negative" in known:
        return "negative"
    return "neutral"
