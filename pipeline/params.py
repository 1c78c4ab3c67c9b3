"""``params.yaml`` as a whole: read, validated, and refused with one line.

``load_params()`` validates the whole file, so that a slip in the last section is found by the
first stage that runs and not after the teacher has trained for minutes.
"""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from pipeline.configs import (
    TRANSFER_SET,
    BudgetConfig,
    DataConfig,
    EvaluateConfig,
    ExportConfig,
    FinetuneConfig,
    PrepareConfig,
    PretrainedConfig,
    PretrainingConfig,
    ReportConfig,
    RivalConfig,
    Section,
    StudentConfig,
    TeachConfig,
    TeacherConfig,
    TokenizerConfig,
    TransferConfig,
    TransferSetConfig,
)
from pipeline.errors import GraftError

NAME = re.compile(r"[a-z0-9_-]+")
PRETRAINED = "models/pretrained"
RESERVED = {"teacher", "controls", "rivals"}


class Params(Section):
    """The whole of params.yaml."""

    data: Annotated[DataConfig, Field(discriminator="source")]
    prepare: PrepareConfig
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
    rivals: Annotated[dict[str, RivalConfig], Field(min_length=1)]
    evaluate: EvaluateConfig
    export: ExportConfig
    report: ReportConfig

    def section(self, name: str, key: str) -> Any:
        """Return ``name.key``; raise GraftError with the keys there are."""
        entries = getattr(self, name)
        if key not in entries:
            raise GraftError(f"params.yaml has no {name}.{key}; it has {', '.join(entries)}")
        return entries[key]

    def budget_of(self, student: str) -> BudgetConfig:
        """Return the common budget with what the student changes of it."""
        own: StudentConfig = self.section("students", student)
        return self.budget.model_copy(update=own.budget.model_dump(exclude_none=True))

    @field_validator("pretrained", "tokenizers", "pretraining", "teachers", "students", "rivals", mode="before")
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
            _known(f"teachers.{name}.pretrained", teacher.pretrained, {**self.pretrained, **self.pretraining})
            _known(f"teachers.{name}.tokenizer", teacher.tokenizer, self.tokenizers)
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
        for name, student in self.students.items():
            _known(f"students.{name}.tokenizer", student.tokenizer, self.tokenizers)
        return self

    def _check_pretraining(self, name: str, model: PretrainingConfig) -> None:
        if name in self.pretrained:
            raise ValueError(f"pretraining.{name} and pretrained.{name} share a name; rename one of them")
        _known(f"pretraining.{name}.tokenizer", model.tokenizer, self.tokenizers)
        if model.is_new:
            return
        folders = {f"{PRETRAINED}/{each}": each for each in (*self.pretrained, *self.pretraining) if each != name}
        _known(f"pretraining.{name}.source", model.source, {TRANSFER_SET: None, **folders})
        start = folders[model.source]
        of = self.pretraining[start].tokenizer if start in self.pretraining else None
        read = self.tokenizers[model.tokenizer]
        if model.tokenizer != of and read.source != model.source:
            raise ValueError(
                f"pretraining.{name}.tokenizer is {model.tokenizer!r}, which is not that of {model.source}; "
                "a model that goes on needs the one it was pretrained with"
            )


def _known(key: str, value: str, section: dict[str, Any]) -> None:
    if value not in section:
        raise ValueError(f"{key} is {value!r}; allowed: {', '.join(section)}")


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate ``path``; raise GraftError with one line for the first wrong setting."""
    # YAML 1.2, as DVC reads and writes it: `1e-05`, which `dvc exp run -S` writes, is a number.
    try:
        raw = YAML(typ="safe", pure=True).load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise GraftError(f"{path} is missing; run from the root of the repository") from None
    except MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        raise GraftError(f"{path}:{where.line + 1 if where else '?'}: not YAML: {error.problem}") from None
    if not isinstance(raw, dict):
        raise GraftError(f"{path}: expected sections such as `data:` and `students:`")
    try:
        params = Params.model_validate(raw)
    except ValidationError as error:
        raise GraftError(f"{path}: {_first_fault(error)}") from None
    return params


def _first_fault(error: ValidationError) -> str:
    """One line: the key, the value given, and what is allowed."""
    fault = error.errors(include_url=False)[0]
    # Pydantic puts the chosen member of a union (`vader`, `package`…) into the path; the file has no such key.
    tags = {"vader", "file", "hub", "package", "folder", "tfidf"}
    location = list(fault["loc"])
    parts = [part for at, part in enumerate(location) if not (part in tags and _is_tag(location, at))]
    key = ".".join(str(part) for part in parts)
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        return f"{key} is not a setting; remove it or correct its name"
    if fault["type"] == "missing":
        return f"{key} is missing; the README lists the settings of each section"
    if fault["type"] == "value_error":
        return f"{key}: {message}" if key else message
    given = fault["input"]
    if fault["type"] == "union_tag_invalid":
        tag = fault["ctx"]["discriminator"].strip("'")
        return f"{key}.{tag} is {fault['ctx']['tag']!r}; allowed: {fault['ctx']['expected_tags']}"
    if fault["type"] == "union_tag_not_found":
        return f"{key}.{fault['ctx']['discriminator'].strip(chr(39))} is missing"
    if fault["type"] in ("dict_type", "model_type"):
        return f"{key} is {given!r}: expected settings, one `key: value` a line"
    return f"{key} is {given!r}: {message[0].lower()}{message[1:]}"


def _is_tag(location: list[int | str], at: int) -> bool:
    return (location[0] == "data" and at == 1) or (location[0] in ("pretrained", "rivals") and at == 2)
