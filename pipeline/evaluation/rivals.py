"""What a student must be worth: classifiers that need no neural network.

``tfidf``: tf-idf weights and logistic regression. ``naive_bayes``: counts and multinomial naive Bayes (Manning,
Raghavan & Schütze 2008, *Introduction to Information Retrieval*, section 13.2), seconds even with many labels.
``vader``: the sentiment lexicon of Hutto & Gilbert, *VADER: A Parsimonious Rule-based Model for Sentiment Analysis of
Social Media Text* (ICWSM 2014).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from threadpoolctl import threadpool_limits
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from pipeline.errors import GraftError
from pipeline.evaluation.metrics import MacroF1
from pipeline.evaluation.predictions import label_ids
from pipeline.settings.rivals import BayesRival, TfidfRival

VADER_LABELS = ("negative", "neutral", "positive")
VADER_THRESHOLD = 0.05


@dataclass(frozen=True)
class NgramResult:
    """Probabilities (texts, labels), the setting that was chosen, and the size of the model that gave them."""

    probabilities: np.ndarray
    chosen: dict[str, float]
    parameters: int


def ngram_probabilities(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    texts: Sequence[str],
    labels: Sequence[str],
    config: TfidfRival | BayesRival,
) -> NgramResult:
    """Fit on ``train``, choose the setting by macro-F1 on ``validation``, classify ``texts``.

    Labels weigh the same however many rows they have, because macro-F1 counts them so. Of
    settings that score the same, the first of the list is taken.
    """
    ngrams = (config.ngrams[0], config.ngrams[1])
    if isinstance(config, TfidfRival):
        vectorizer = TfidfVectorizer(analyzer=config.analyzer, ngram_range=ngrams, sublinear_tf=True)
        setting, values = "regularization", config.regularization
    else:
        vectorizer = CountVectorizer(analyzer=config.analyzer, ngram_range=ngrams)
        setting, values = "smoothing", config.smoothing
    # Checked here because scikit-learn's own fault for it is a bare ValueError.
    analyze = vectorizer.build_analyzer()
    if not any(analyze(text) for text in train["text"]):
        raise GraftError(f"rivals: the training texts hold no {config.analyzer} n-gram; set analyzer: char")
    # One thread: sums in another order would change the last digits, and with them the published bytes.
    with threadpool_limits(limits=1):
        features, held_out = vectorizer.fit_transform(train["text"]), vectorizer.transform(validation["text"])
        targets, references = label_ids(train["label"], labels), label_ids(validation["label"], labels)
        metric, best = MacroF1(len(labels)), -1.0
        for value in values:
            # One at a time: with many labels and n-grams each holds gigabytes.
            fitted = _classifier(config, value).fit(features, targets)
            score = metric.compute(predictions=fitted.predict(held_out), references=references)["macro_f1"]
            if score > best:
                best, chosen, classifier = score, value, fitted
        probabilities = np.zeros((len(texts), len(labels)))
        probabilities[:, classifier.classes_] = classifier.predict_proba(vectorizer.transform(texts))
    return NgramResult(probabilities, {setting: float(chosen)}, _parameters(classifier))


def _classifier(config: TfidfRival | BayesRival, value: float) -> LogisticRegression | MultinomialNB:
    if isinstance(config, TfidfRival):
        return LogisticRegression(C=value, class_weight="balanced", max_iter=2000)
    return MultinomialNB(alpha=value, fit_prior=False)


def _parameters(classifier: LogisticRegression | MultinomialNB) -> int:
    if isinstance(classifier, MultinomialNB):
        return int(classifier.feature_log_prob_.size + classifier.class_log_prior_.size)
    return int(classifier.coef_.size + classifier.intercept_.size)


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
