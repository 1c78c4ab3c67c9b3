"""What the report shows: the models that params.yaml names, with what the stages measured of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipeline.evaluation.calibration import temper
from pipeline.evaluation.measures import Measure, measure_of
from pipeline.evaluation.metrics import slugs
from pipeline.evaluation.predictions import PREFIX
from pipeline.params import Params
from pipeline.speed.record import Machine, ModelSpeed
from pipeline.task import Task

Kind = Literal["teacher", "student", "control", "rival"]


@dataclass(frozen=True)
class Export:
    """A model as it is shipped: the figures of ``metrics/exports``, its digest and, where measured, its speed."""

    name: str
    figures: Mapping[str, Any]
    digest: str
    speed: ModelSpeed | None = None


@dataclass(frozen=True)
class ModelResult:
    """One model: its figures, its predictions on the test split, its size and its exports.

    ``key`` is unique (``bilstm``, ``controls/bilstm``, ``rivals/tfidf``); ``name`` is the one of params.yaml.
    A student has one export, the teacher one for each of the models that it averages, the others none. ``validation``
    is the score of the checkpoint that was kept, on the split that chose it; a rival, and an average, have none.
    ``metric`` is the figure that the task is measured by.
    """

    key: str
    name: str
    kind: Kind
    figures: Mapping[str, Any]
    predictions: pd.DataFrame
    parameters: int | None = None
    exports: Sequence[Export] = ()
    validation: float | None = None
    metric: str = "macro_f1"

    @property
    def applicable(self) -> bool:
        """Whether the model could be measured on these labels; a rival may not."""
        return bool(self.figures.get("applicable", 1))

    @property
    def title(self) -> str:
        """The name a reader sees, distinct from every other model's."""
        return f"{self.name}, no transfer" if self.kind == "control" else self.name

    @property
    def score(self) -> float:
        """What the task is measured by, on the test split."""
        return float(self.figures[self.metric])

    @property
    def interval(self) -> tuple[float, float]:
        """The bootstrap interval of the score."""
        return float(self.figures[f"{self.metric}_low"]), float(self.figures[f"{self.metric}_high"])

    @property
    def bytes_int8(self) -> int | None:
        """The size of the int8 exports, of several teachers together."""
        return sum(int(export.figures["bytes_int8"]) for export in self.exports) or None

    @property
    def latency(self) -> float | None:
        """Median milliseconds for one text by the int8 exports, of several teachers one after the other."""
        times = [export.speed.int8.p50_ms for export in self.exports if export.speed]
        return sum(times) if times and len(times) == len(self.exports) else None

    @property
    def temperature(self) -> float | None:
        """What calibrates the probabilities; an average of several teachers has none of its own."""
        return float(self.exports[0].figures["temperature"]) if len(self.exports) == 1 else None

    def probabilities(self, labels: Sequence[str], calibrated: bool) -> np.ndarray:
        """Return the test split's probabilities (N, labels), at the model's temperature if ``calibrated``."""
        shares = self.predictions[[f"{PREFIX}{label}" for label in labels]].to_numpy(np.float64)
        return temper(shares, self.temperature) if calibrated and self.temperature is not None else shares


@dataclass(frozen=True)
class Curve:
    """A training as it went: steps and validation figures, and the step whose checkpoint was kept."""

    key: str
    name: str
    kind: Kind
    frame: pd.DataFrame
    best_step: int | None = None

    def kept(self, column: str) -> float | None:
        """Return the figure ``column`` of the checkpoint that was kept; None where it was not taken."""
        found = self.frame.loc[self.frame["step"] == self.best_step, column].dropna()
        return float(found.iloc[0]) if len(found) else None


@dataclass(frozen=True)
class Results:
    """Everything on the page.

    ``leads`` are intervals of how far each student lies behind the best, ``over_rivals`` of how far each rival does.
    ``robustness`` holds the figures of ``metrics/robustness`` by the key of a model.
    """

    title: str
    task: Task
    confidence: float
    models: Sequence[ModelResult]
    curves: Sequence[Curve]
    summary: Mapping[str, Any]
    tokenizers: Mapping[str, Mapping[str, Any]]
    params: Params
    trainings: Mapping[str, Mapping[str, Any]]
    texts: pd.DataFrame
    test_digest: str
    machine: Machine | None = None
    leads: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    over_rivals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    robustness: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        """The labels in order; of a number its name."""
        return self.task.labels

    @property
    def measure(self) -> Measure:
        """What the task is measured by."""
        return measure_of(self.task)

    def of(self, *kinds: Kind) -> list[ModelResult]:
        """Return the measured models of these kinds, in the order of params.yaml."""
        return [model for model in self.models if model.kind in kinds and model.applicable]

    @property
    def teacher(self) -> ModelResult:
        """The teacher, one row even where several are averaged."""
        return self.of("teacher")[0]

    @property
    def ranked_students(self) -> list[ModelResult]:
        """The students, the best first."""
        return ranked(self.of("student"))

    @property
    def controls(self) -> dict[str, ModelResult]:
        """The controls by the name of their student."""
        return {model.name: model for model in self.of("control")}

    @property
    def in_reading_order(self) -> list[ModelResult]:
        """The measured models: the teacher, each student followed by its control, the rivals."""
        controls = self.controls
        pairs = [model for student in self.ranked_students for model in (student, controls[student.name])]
        return [self.teacher, *pairs, *self.of("rival")]

    @property
    def shipped(self) -> list[ModelResult]:
        """The models that have exports: the teacher and the students, the best first."""
        return [self.teacher, *self.ranked_students]

    @property
    def is_timed(self) -> bool:
        """Whether the speed of any export was measured."""
        return any(model.latency is not None for model in self.shipped)

    @property
    def untimed(self) -> list[ModelResult]:
        """The models whose exports were not measured as they are now."""
        return [model for model in self.shipped if model.latency is None]

    def label_keys(self) -> list[str]:
        """Return the part of a figure's key that stands for each label."""
        return slugs(self.labels)

    def domains(self) -> dict[str, str]:
        """Return the part of a figure's key that stands for each domain, by the domain; nothing of only one."""
        # As ``pipeline.evaluation`` names and orders them.
        names = sorted({str(domain) or "unknown" for domain in self.texts["domain"].fillna("")})
        return dict(zip(names, slugs(names), strict=True)) if len(names) > 1 else {}


def ranked(students: Sequence[ModelResult]) -> list[ModelResult]:
    """Return ``students``, the best on validation first: the test split measures, and chooses none of them."""
    return sorted(students, key=lambda model: -(model.validation or 0.0))


def figure_rows(results: Results) -> pd.DataFrame:
    """Return one row per measured model: its score with the interval, what transfer gained, size and latency."""
    measured = results.of("teacher", "student", "control", "rival")
    return pd.DataFrame(
        {
            "model": [model.key for model in measured],
            "kind": [model.kind for model in measured],
            results.measure.key: [model.score for model in measured],
            "low": [model.interval[0] for model in measured],
            "high": [model.interval[1] for model in measured],
            "gain": [model.figures.get("gain") for model in measured],
            "parameters": pd.array([model.parameters for model in measured], dtype="Int64"),
            "bytes_int8": pd.array([model.bytes_int8 for model in measured], dtype="Int64"),
            "latency_ms": [model.latency for model in measured],
        }
    )
