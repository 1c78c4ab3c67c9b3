"""The texts that tell most: where the best student and the teacher part, and where both are wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.evaluation.predictions import require_same_rows
from pipeline.report.results import ModelResult, Results
from pipeline.task import joined
from pipeline.text.pairs import FIRST, SECOND

# Characters of a text that are shown.
LONGEST = 320


@dataclass(frozen=True)
class Reading:
    """What one model says of a text; how sure it is and whether it is right only of one label of several."""

    model: ModelResult
    label: str
    confidence: float | None
    is_right: bool | None


@dataclass(frozen=True)
class Case:
    """A text of the test split, or both of a pair, the true label, and what teacher and student say."""

    id: str
    domain: str
    text: str
    label: str
    readings: Sequence[Reading]
    text_pair: str | None = None


@dataclass(frozen=True)
class _Answers:
    """Of every text: how far teacher and student part, how far both are from the truth, and what all three say.

    ``apart`` and ``wrong`` (N,) are 0 where they do not; ``said`` (2, N) and ``true`` (N,) are in words;
    ``confidences`` and ``right`` (2, N) are those of one label of several, else None.
    """

    apart: np.ndarray
    wrong: np.ndarray
    true: Sequence[str]
    said: Sequence[Sequence[str]]
    confidences: np.ndarray | None = None
    right: np.ndarray | None = None


def disagreements(results: Results, most: int = 10) -> list[Case]:
    """Return the texts of which teacher and best student say different things, the surer, or further apart, first."""
    answers = _read(results)
    return _cases(results, answers, answers.apart, most)


def shared_errors(results: Results, most: int = 10) -> list[Case]:
    """Return the texts of which teacher and best student are both wrong, the surer, or the more so, first."""
    answers = _read(results)
    return _cases(results, answers, answers.wrong, most)


def _pair(results: Results) -> tuple[ModelResult, ModelResult]:
    return results.teacher, results.ranked_students[0]


def _read(results: Results) -> _Answers:
    pair, task = _pair(results), results.task
    require_same_rows(results.texts, *(model.predictions for model in pair))
    gold = task.targets(results.texts["label"])
    said = np.stack([task.targets(model.predictions["predicted"]) for model in pair])
    true, words = _words(results.texts["label"]), [_words(model.predictions["predicted"]) for model in pair]
    if task.kind == "regression":
        errors = (said - gold)[:, :, 0]
        # Both too high, or both too low.
        wrong = np.where(errors[0] * errors[1] > 0, np.abs(errors).min(axis=0), 0)
        return _Answers(np.abs(errors[0] - errors[1]), wrong, true, words)
    if task.kind == "multi_label":
        apart, faults = (said[0] != said[1]).sum(axis=1), (said != gold).sum(axis=2)
        return _Answers(apart, faults.min(axis=0), true, words)
    # Rounded, so that the order does not hang on a last bit.
    confidences = np.stack([model.probabilities(results.labels, True).max(axis=1).round(6) for model in pair])
    sure = confidences.min(axis=0)
    right = said == gold
    return _Answers(
        np.where(said[0] != said[1], sure, 0), np.where(right.any(axis=0), 0, sure), true, words, confidences, right
    )


def _words(column: pd.Series) -> list[str]:
    """Labels as they are shown: a name, names in a line, or a number."""
    return [
        label if isinstance(label, str) else f"{label:.2f}" if isinstance(label, float) else joined(label)
        for label in column
    ]


def _cases(results: Results, answers: _Answers, weights: np.ndarray, most: int) -> list[Case]:
    rows = np.flatnonzero(weights > 0)
    rows = rows[np.argsort(-weights[rows], kind="stable")][:most]
    cases = []
    for row in rows.tolist():
        readings = [
            Reading(
                model,
                answers.said[at][row],
                None if answers.confidences is None else float(answers.confidences[at, row]),
                None if answers.right is None else bool(answers.right[at, row]),
            )
            for at, model in enumerate(_pair(results))
        ]
        text = results.texts.iloc[row]
        case = Case(str(text["id"]), _domain(text), shorten(str(text[FIRST])), answers.true[row], readings)
        cases.append(replace(case, text_pair=shorten(str(text[SECOND]))) if SECOND in text else case)
    return cases


def _domain(text: pd.Series) -> str:
    return str(text["domain"]) if pd.notna(text["domain"]) else ""


def shorten(text: str) -> str:
    """Return ``text``, cut between two words where it is long."""
    if len(text) <= LONGEST:
        return text
    cut = text[:LONGEST]
    return f"{cut.rsplit(' ', 1)[0] if ' ' in cut[LONGEST // 2 :] else cut} …"
