"""What a student must be worth: two classifiers that need no neural network.

``tfidf``: tf-idf weights and logistic regression. ``vader``: the sentiment lexicon of Hutto & Gilbert,
*VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text* (ICWSM 2014).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from pipeline.errors import GraftError
from pipeline.evaluation.metrics import MacroF1
from pipeline.evaluation.predictions import label_ids
from pipeline.settings.rivals import TfidfRival

VADER_LABELS = ("negative", "neutral", "positive")
VADER_THRESHOLD = 0.05


@dataclass(frozen=True)
class TfidfResult:
    """Probabilities (texts, labels), and the model that gave them."""

    probabilities: np.ndarray
    regularization: float
    parameters: int


def tfidf_probabilities(
    train: pd.DataFrame, validation: pd.DataFrame, texts: Sequence[str], labels: Sequence[str], config: TfidfRival
) -> TfidfResult:
    """Fit on ``train``, choose the regularisation by macro-F1 on ``validation``, classify ``texts``.

    Labels weigh the same however many rows they have, because macro-F1 counts them so. Of
    regularisations that score the same, the first of the list is taken.
    """
    vectorizer = TfidfVectorizer(
        analyzer=config.analyzer, ngram_range=(config.ngrams[0], config.ngrams[1]), sublinear_tf=True
    )
    # Checked here because scikit-learn's own fault for it is a bare ValueError.
    analyze = vectorizer.build_analyzer()
    if not any(analyze(text) for text in train["text"]):
        raise GraftError(f"rivals: the training texts hold no {config.analyzer} n-gram; set analyzer: char")
    # One thread: sums in another order would change the last digits, and with them the published bytes.
    with threadpool_limits(limits=1):
        features, held_out = vectorizer.fit_transform(train["text"]), vectorizer.transform(validation["text"])
        targets, references = label_ids(train["label"], labels), label_ids(validation["label"], labels)
        metric = MacroF1(len(labels))
        fitted = [_logistic_regression(strength).fit(features, targets) for strength in config.regularization]
        scores = [
            metric.compute(predictions=each.predict(held_out), references=references)["macro_f1"] for each in fitted
        ]
        classifier = fitted[int(np.argmax(scores))]
        probabilities = np.zeros((len(texts), len(labels)))
        probabilities[:, classifier.classes_] = classifier.predict_proba(vectorizer.transform(texts))
    parameters = int(classifier.coef_.size + classifier.intercept_.size)
    return TfidfResult(probabilities, float(classifier.C), parameters)


def _logistic_regression(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, class_weight="balanced", max_iter=2000)


def vader_applies(labels: Sequence[str]) -> bool:
    """Whether the labels are two or more of negative, neutral and positive, in any case of letters."""
    lowered = [label.lower() for label in labels]
    return len(lowered) > 1 and len(set(lowered)) == len(lowered) and set(lowered) <= set(VADER_LABELS)


def vader_probabilities(texts: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Return 1 for the label that the lexicon gives each text and 0 for the others (texts, labels).

    The compound score is cut where its authors cut it: positive from 0.05, negative to −0.05, neutral
    between. Without a neutral label the sign decides, 0 counting as positive; without one of the others
    its texts are neutral. The lexicon gives a label and no probability, so none is made up.
    """
    position = {label.lower(): at for at, label in enumerate(labels)}
    analyzer = SentimentIntensityAnalyzer()
    probabilities = np.zeros((len(texts), len(labels)))
    for row, text in enumerate(texts):
        compound = analyzer.polarity_scores(text)["compound"]
        probabilities[row, position[_vader_label(compound, position)]] = 1.0
    return probabilities


def _vader_label(compound: float, known: dict[str, int]) -> str:
    if "neutral" not in known:
        return "positive" if compound >= 0 else "negative"
    if compound >= VADER_THRESHOLD and "positive" in known:
        return "positive"
    if compound <= -VADER_THRESHOLD and "negative" in known:
        return "negative"
    return "neutral"
