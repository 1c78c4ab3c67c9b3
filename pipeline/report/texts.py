"""The texts that tell most: where the best student and the teacher part, and where both are wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.evaluation.predictions import label_ids, require_same_rows
from pipeline.report.results import ModelResult, Results

# Characters of a text that are shown.
LONGEST = 320


@dataclass(frozen=True)
class Reading:
    """What one model says of a text."""

    model: ModelResult
    label: str
    confidence: float
    is_right: bool


@dataclass(frozen=True)
class Case:
    """A text of the test split, its true label, and what teacher and student say."""

    id: str
    domain: str
    text: str
    label: str
    readings: Sequence[Reading]


def disagreements(results: Results, most: int = 10) -> list[Case]:
    """Return the texts that teacher and best student label differently, the surer both are the earlier."""
    gold, labels, confidences = _read(results)
    return _cases(results, labels[0] != labels[1], gold, labels, confidences, most)


def shared_errors(results: Results, most: int = 10) -> list[Case]:
    """Return the texts that teacher and best student both label wrongly, the surer both are the earlier."""
    gold, labels, confidences = _read(results)
    return _cases(results, (labels != gold).all(axis=0), gold, labels, confidences, most)


def _pair(results: Results) -> tuple[ModelResult, ModelResult]:
    return results.teacher, results.ranked_students[0]


def _read(results: Results) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The true labels (N,), and by teacher and student the labels (2, N) and their calibrated probability (2, N)."""
    pair = _pair(results)
    require_same_rows(results.texts, *(model.predictions for model in pair))
    labels = np.stack([label_ids(model.predictions["predicted"], results.labels) for model in pair])
    # Rounded, so that the order does not hang on a last bit.
    confidences = np.stack([model.probabilities(results.labels, True).max(axis=1).round(6) for model in pair])
    return label_ids(results.texts["label"], results.labels), labels, confidences


def _cases(
    results: Results, chosen: np.ndarray, gold: np.ndarray, labels: np.ndarray, confidences: np.ndarray, most: int
) -> list[Case]:
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(-confidences[:, rows].min(axis=0), kind="stable")][:most]
    names = results.labels
    cases = []
    for row in rows:
        readings = [
            Reading(model, names[said[row]], float(confidence[row]), bool(said[row] == gold[row]))
            for model, said, confidence in zip(_pair(results), labels, confidences, strict=True)
        ]
        text = results.texts.iloc[row]
        cases.append(Case(str(text["id"]), _domain(text), shorten(str(text["text"])), names[gold[row]], readings))
    return cases


def _domain(text: pd.Series) -> str:
    return str(text["domain"]) if pd.notna(text["domain"]) else ""


def shorten(text: str) -> str:
    """Return ``text``, cut between two words where it is long."""
    if len(text) <= LONGEST:
        return text
    cut = text[:LONGEST]
    return f"{cut.rsplit(' ', 1)[0] if ' ' in cut[LONGEST // 2 :] else cut} …"
