"""Which words mattered: each is left out in turn, and what that takes from the label's probability is its weight.

Occlusion, of images by Zeiler and Fergus 2014 (Visualizing and Understanding Convolutional Networks), of words by
Li, Monroe and Jurafsky 2016 (Understanding Neural Networks through Representation Erasure). It asks nothing of a
model but its answers. A weight is what one word adds in the company of all the others: of two words that say the
same, leaving out either may change little.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import Regex, pre_tokenizers

from pipeline.deployment.classifier import LONGEST, Classifier
from pipeline.serving.waiting import Check
from pipeline.text.cleaning import clean_text, normalise
from pipeline.text.policy import Policy
from pipeline.text.units import UNSPACED

Span = tuple[int, int]

# Letters and digits with the marks and joiners on them, also across an apostrophe or a hyphen; or a run of symbols
# such as ":)". Where a script writes no spaces, a character with its marks is a word.
PART = r"[\p{L}\p{N}][\p{L}\p{N}\p{M}\x{200c}\x{200d}]*"
WORD = rf"{PART}(?:['’-]{PART})*|[^\s\p{{L}}\p{{N}}]+"
WORDS = pre_tokenizers.Sequence(
    [
        pre_tokenizers.Split(Regex(WORD), "removed", invert=True),
        pre_tokenizers.Split(Regex(rf"{UNSPACED.pattern}\p{{M}}*"), "isolated"),
    ]
)


def explain(classifier: Classifier, text: str, most: int, check: Check) -> dict[str, Any]:
    """Return the cleaned ``text``, its ``label``, the ``probability`` of that, and ``words``.

    Of several labels it is the likeliest; of a number there is ``value`` in the place of both.

    A word has its place in the text (``start``, ``end``, in characters) and its ``weight``: above 0 it speaks for
    the label, or raises the number. ``unread`` counts words beyond the length that the model reads, ``unweighed``
    those beyond ``most``.
    """
    cleaned, reason, _ = clean_text(text, 1, LONGEST, classifier.policy)
    if reason:
        return {"refused": reason}
    begin, end = _read_span(classifier, cleaned)
    # Only what the model read: else a word left out would let another in at the end.
    read = cleaned[begin:end]
    words = split_words(read)
    weighed = words[:most]
    masked = (_without(read, word, classifier.policy) for word in weighed)
    shares = _answers(classifier, [read, *masked], check)
    best = int(shares[0].argmax())
    weights = shares[0, best] - shares[1:, best]
    return {
        "text": cleaned,
        **_said(classifier, best, round(float(shares[0, best]), 6)),
        "words": [
            {"start": begin + word[0], "end": begin + word[1], "weight": round(float(weight), 6)}
            for word, weight in zip(weighed, weights, strict=True)
        ],
        "unweighed": len(words) - len(weighed),
        "unread": len(split_words(cleaned[:begin])) + len(split_words(cleaned[end:])),
    }


def split_words(text: str) -> list[Span]:
    """Return the start and end of every word of ``text``."""
    return [span for _, span in WORDS.pre_tokenize_str(text)]


def _read_span(classifier: Classifier, text: str) -> Span:
    """Where the tokens lie that are left once the text is cut to the model's length."""
    encoding = classifier.tokenizer.encode(text)
    if not encoding.overflowing:
        return 0, len(text)
    spans = [span for span, special in zip(encoding.offsets, encoding.special_tokens_mask, strict=True) if not special]
    return min(start for start, _ in spans), max(end for _, end in spans)


def _without(text: str, word: Span, policy: Policy) -> str:
    return normalise(text[: word[0]] + text[word[1] :], policy)


def _said(classifier: Classifier, best: int, said: float) -> dict[str, Any]:
    if classifier.task == "regression":
        return {"value": said}
    return {"label": classifier.labels[best], "probability": said}


def _answers(classifier: Classifier, texts: Sequence[str], check: Check) -> np.ndarray:
    """Return what the model says, (N, labels); each text is read alone, for company changes an int8 model's."""
    rows = []
    for tokens in classifier.encode(texts):
        check()
        rows.append(classifier.answers(classifier.logits([tokens])))
    return np.concatenate(rows)
