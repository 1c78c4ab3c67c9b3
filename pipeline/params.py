"""``params.yaml`` as a whole: every section, and what the sections say of one another.

Before a stage works, the whole file is validated, so that a slip in the last section is found by the first stage
that runs and not after the teacher has trained for minutes. The stage itself then reads the sections that it needs
(``pipeline.settings.reading``), so that a new setting elsewhere makes none of its results stale.
"""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from pipeline.settings.base import TEACHERS, TRANSFER_SET, Kind
from pipeline.settings.data import DataConfig
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.settings.export import ExportConfig
from pipeline.settings.finetune import FinetuneConfig
from pipeline.settings.names import check_known
from pipeline.settings.prepare import PrepareConfig, TransferSetConfig
from pipeline.settings.pretrained import PretrainedConfig
from pipeline.settings.pretraining import PretrainingConfig
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.report import ReportConfig
from pipeline.settings.rivals import RivalConfig
from pipeline.settings.robustness import RobustnessConfig
from pipeline.settings.rounds import RoundConfig, check_rounds
from pipeline.settings.students import BudgetConfig, StudentConfig
from pipeline.settings.teach import TeachConfig
from pipeline.settings.teachers import TeacherConfig
from pipeline.settings.text import TextConfig
from pipeline.settings.tokenizers import TokenizerConfig
from pipeline.settings.transfer import TransferConfig

NAME = re.compile(r"[a-z0-9_-]+")
PRETRAINED = "models/pretrained"
RESERVED = {"teacher", "controls", "rivals"}

# What may choose a checkpoint on validation.
CHOOSERS: dict[Kind, tuple[str, ...]] = {
    "single_label": ("macro_f1", "accuracy", "loss"),
    "multi_label": ("macro_f1", "accuracy", "loss"),
    "regression": ("pearson", "spearman", "rmse", "loss"),
}


class Params(Sections, extra="forbid"):
    """The whole of params.yaml."""

    data: DataConfig
    prepare: PrepareConfig
    text: TextConfig
    transfer_set: TransferSetConfig
    pretrained: dict[str, PretrainedConfig]
    tokenizers: Annotated[dict[str, TokenizerConfig], Field(min_length=1)]
    pretraining: dict[str, PretrainingConfig]
    finetune: FinetuneConfig
    teachers: Annotated[dict[str, TeacherConfig], Field(min_length=1)]
    teach: TeachConfig
    budget: BudgetConfig
    transfer: TransferConfig
    students: Annotated[dict[str, StudentConfig], Field(min_length=1)]
    rounds: dict[str, RoundConfig]
    rivals: dict[str, RivalConfig]
    evaluate: EvaluateConfig
    robustness: RobustnessConfig
    export: ExportConfig
    report: ReportConfig

    @field_validator(
        "pretrained", "tokenizers", "pretraining", "teachers", "students", "rounds", "rivals", mode="before"
    )
    @classmethod
    def _names_are_plain(cls, section: Any) -> Any:
        for name in section if isinstance(section, dict) else ():
            if not isinstance(name, str) or not NAME.fullmatch(name) or name in RESERVED:
                raise ValueError(
                    f"the name {name!r} is not allowed: use small letters, digits, _ and - "
                    f"(and none of {', '.join(sorted(RESERVED))})"
                )
        return section

    @model_validator(mode="after")
    def _names_exist(self) -> "Params":
        for name, model in self.pretraining.items():
            self._check_pretraining(name, model)
        for name, teacher in self.teachers.items():
            check_known(f"teachers.{name}.pretrained", teacher.pretrained, {**self.pretrained, **self.pretraining})
            check_known(f"teachers.{name}.tokenizer", teacher.tokenizer, self.tokenizers)
            here = self.pretraining.get(teacher.pretrained)
            if here is not None and here.tokenizer != teacher.tokenizer:
                raise ValueError(
                    f"teachers.{name}.tokenizer is {teacher.tokenizer!r}; "
                    f"pretraining.{teacher.pretrained} reads {here.tokenizer!r}"
                )
            if here is None and self.tokenizers[teacher.tokenizer].kind is not None:
                raise ValueError(
                    f"teachers.{name}.tokenizer is {teacher.tokenizer!r}, which is trained here; "
                    "a teacher needs the one it was pretrained with"
                )
            if here is not None and "architecture" in here.config:
                raise ValueError(
                    f"teachers.{name}.pretrained is {teacher.pretrained!r}, which is pretrained for a student; "
                    "a teacher needs a model_type of transformers"
                )
        for name, student in self.students.items():
            check_known(f"students.{name}.tokenizer", student.tokenizer, self.tokenizers)
            if student.tuning.patience is not None and len(self.transfer.phases) > 1:
                # A first phase on sentence vectors would be ended for what it does not teach.
                raise ValueError(
                    f"students.{name}.tuning.patience is {student.tuning.patience}, which needs a single phase; "
                    f"transfer.phases has {len(self.transfer.phases)}"
                )
            self._check_start(name, student)
        check_rounds(self.rounds, self.students, self.teachers)
        return self

    @model_validator(mode="after")
    def _settings_fit_the_task(self) -> "Params":
        allowed = CHOOSERS[self.data.task]
        for name, metric in (("finetune", self.finetune.metric), ("budget", self.budget.metric)):
            if metric not in allowed:
                raise ValueError(
                    f"{name}.metric is {metric!r}, which data.task {self.data.task} does not have; "
                    f"allowed: {', '.join(allowed)}"
                )
        for section, models in (("teachers", self.teachers), ("students", self.students)):
            for name, model in models.items():
                if self.data.task != "single_label" and model.tuning.is_of_one_label:
                    raise ValueError(
                        f"{section}.{name}.tuning: class_weights and loss focal are for data.task single_label; "
                        f"remove them, the task is {self.data.task}"
                    )
        return self

    def _check_start(self, name: str, student: StudentConfig) -> None:
        folders = {f"{PRETRAINED}/{each}": each for each in (*self.pretrained, *self.pretraining)}
        check_known(f"students.{name}.start", student.start, {TEACHERS: None, **folders})
        here = self.pretraining.get(folders.get(student.start, ""))
        if here is not None and here.tokenizer != student.tokenizer:
            raise ValueError(
                f"students.{name}.tokenizer is {student.tokenizer!r}; {student.start} reads {here.tokenizer!r}"
            )

    def _check_pretraining(self, name: str, model: PretrainingConfig) -> None:
        if name in self.pretrained:
            raise ValueError(f"pretraining.{name} and pretrained.{name} share a name; rename one of them")
        check_known(f"pretraining.{name}.tokenizer", model.tokenizer, self.tokenizers)
        if model.is_new:
            return
        folders = {f"{PRETRAINED}/{each}": each for each in (*self.pretrained, *self.pretraining) if each != name}
        check_known(f"pretraining.{name}.source", model.source, {TRANSFER_SET: None, **folders})
        start = folders[model.source]
        of = self.pretraining[start].tokenizer if start in self.pretraining else None
        read = self.tokenizers[model.tokenizer]
        if model.tokenizer != of and read.source != model.source:
            raise ValueError(
                f"pretraining.{name}.tokenizer is {model.tokenizer!r}, which is not that of {model.source}; "
                "a model that goes on needs the one it was pretrained with"
            )


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate ``path``; raise GraftError with one line for the first wrong setting."""
    return read_sections(Params, path)
