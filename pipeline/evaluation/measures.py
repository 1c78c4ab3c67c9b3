"""What each kind of task is measured by: the score that decides, its figures and its intervals."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.evaluation.correlation import Correlations, paired_pearson_interval, pearson_interval
from pipeline.evaluation.intervals import (
    macro_f1_interval,
    multi_label_difference_interval,
    multi_label_interval,
    paired_difference_interval,
)
from pipeline.evaluation.metrics import by_domain, label_figures, overall
from pipeline.settings.base import Kind
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.task import Task

# From this probability on a text gets a label, where it may have any number.
HALF = 0.5


class Measure(ABC):
    """How answers to a task are scored. True and predicted answers are what ``Task.targets`` gives."""

    key = "macro_f1"
    title = "macro-F1"
    meaning = "The mean of the labels’ F1, each label counting the same however many texts it has."
    agreeing = "The share of test texts to which student and teacher give the same label."

    def __init__(self, task: Task) -> None:
        self.task = task

    @property
    def heading(self) -> str:
        """The title at the head of a column."""
        return self.title[0].upper() + self.title[1:]

    def decide(self, answers: np.ndarray) -> np.ndarray:
        """Return what is predicted, as targets are, by ``answers`` (N, labels) of ``Task.answers``."""
        predicted: np.ndarray = answers.argmax(axis=1)
        return predicted

    def score(self, true: np.ndarray, said: np.ndarray) -> float:
        """Return the figure ``key``."""
        return overall(true, said, len(self.task.labels))[self.key]

    def figures(self, true: np.ndarray, said: np.ndarray, domains: Sequence[str] | None) -> Mapping[str, float]:
        """Return flat figures: overall, per label and per domain."""
        return label_figures(true, said, self.task.labels, domains)

    @abstractmethod
    def interval(self, true: np.ndarray, said: np.ndarray, config: EvaluateConfig) -> tuple[float, float]:
        """Return the bootstrap interval of the score."""

    @abstractmethod
    def difference_interval(
        self, true: np.ndarray, one: np.ndarray, other: np.ndarray, config: EvaluateConfig
    ) -> tuple[float, float]:
        """Return the paired bootstrap interval of the score of ``one`` minus that of ``other``."""

    def agreement(self, one: np.ndarray, other: np.ndarray) -> float:
        """Return the share of texts of which two models say the same."""
        same = one == other
        return float(np.mean(same if same.ndim == 1 else same.all(axis=1)))


class OneLabel(Measure):
    """Macro-F1 of one label of several."""

    def interval(self, true: np.ndarray, said: np.ndarray, config: EvaluateConfig) -> tuple[float, float]:
        """Return the bootstrap interval of macro-F1."""
        return macro_f1_interval(true, said, len(self.task.labels), config.resamples, config.confidence, config.seed)

    def difference_interval(
        self, true: np.ndarray, one: np.ndarray, other: np.ndarray, config: EvaluateConfig
    ) -> tuple[float, float]:
        """Return the paired bootstrap interval of a difference of macro-F1."""
        labels = len(self.task.labels)
        return paired_difference_interval(true, one, other, labels, config.resamples, config.confidence, config.seed)


class ManyLabels(Measure):
    """Macro-F1 of any number of labels; a text gets those that are likelier than not."""

    def decide(self, answers: np.ndarray) -> np.ndarray:
        """Return 1 for each label from a probability of one half on."""
        return (answers >= HALF).astype(np.int64)

    def interval(self, true: np.ndarray, said: np.ndarray, config: EvaluateConfig) -> tuple[float, float]:
        """Return the bootstrap interval of macro-F1."""
        return multi_label_interval(true, said, config.resamples, config.confidence, config.seed)

    def difference_interval(
        self, true: np.ndarray, one: np.ndarray, other: np.ndarray, config: EvaluateConfig
    ) -> tuple[float, float]:
        """Return the paired bootstrap interval of a difference of macro-F1."""
        return multi_label_difference_interval(true, one, other, config.resamples, config.confidence, config.seed)


class Number(Measure):
    """Pearson's correlation of a number with the true one."""

    key = "pearson"
    title = "Pearson’s r"
    meaning = "The correlation of the number with the true one: 1 where one follows from the other, 0 by chance."
    agreeing = "The correlation of the student’s numbers with the teacher’s."

    def decide(self, answers: np.ndarray) -> np.ndarray:
        """Return the number as it is."""
        return answers

    def score(self, true: np.ndarray, said: np.ndarray) -> float:
        """Return Pearson's r."""
        return self._whole(true, said)[self.key]

    def figures(self, true: np.ndarray, said: np.ndarray, domains: Sequence[str] | None) -> Mapping[str, float]:
        """Return the correlations and the error, overall and per domain."""
        return self._whole(true, said) | by_domain(domains, lambda rows: self._whole(true[rows], said[rows]))

    def interval(self, true: np.ndarray, said: np.ndarray, config: EvaluateConfig) -> tuple[float, float]:
        """Return the bootstrap interval of Pearson's r."""
        return pearson_interval(true[:, 0], said[:, 0], config.resamples, config.confidence, config.seed)

    def difference_interval(
        self, true: np.ndarray, one: np.ndarray, other: np.ndarray, config: EvaluateConfig
    ) -> tuple[float, float]:
        """Return the paired bootstrap interval of a difference of Pearson's r."""
        columns = (true[:, 0], one[:, 0], other[:, 0])
        return paired_pearson_interval(*columns, config.resamples, config.confidence, config.seed)

    def agreement(self, one: np.ndarray, other: np.ndarray) -> float:
        """Return how two models' numbers are correlated."""
        return self._whole(one, other)[self.key]

    @staticmethod
    def _whole(true: np.ndarray, said: np.ndarray) -> dict[str, float]:
        found: dict[str, float] = Correlations().compute(predictions=said[:, 0], references=true[:, 0])
        return found


MEASURES: dict[Kind, type[Measure]] = {"single_label": OneLabel, "multi_label": ManyLabels, "regression": Number}


def measure_of(task: Task) -> Measure:
    """Return what the task is measured by."""
    return MEASURES[task.kind](task)


def validation_figures(logits: np.ndarray, targets: np.ndarray, task: Task) -> dict[str, float]:
    """Return what a Trainer's ``compute_metrics`` is to say of ``logits`` (N, labels) and targets."""
    measure = measure_of(task)
    # A softmax keeps the order of its logits.
    said = measure.decide(logits if task.kind == "single_label" else task.answers(logits))
    if isinstance(measure, Number):
        return dict(measure.figures(targets, said, None))
    return overall(targets, said, len(task.labels))


def read_answers(task: Task, predictions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the true and the predicted answers of a table of predictions."""
    return task.targets(predictions["label"]), task.targets(predictions["predicted"])
