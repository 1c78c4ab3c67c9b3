"""``data``: the labelled text and how its labels are made."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.settings.base import Kind, Revision, Section, Text

SENTIMENT = {"cuts": [-0.5, 0.5], "labels": ["negative", "neutral", "positive"]}


class Labelling(Section):
    """What is foretold, and how raw labels become labels: as they stand, or ratings cut into ranges.

    ``separator`` parts the labels of a cell of text, where a text has any number of them.
    """

    task: Kind = "single_label"
    cuts: list[float] | None = None
    labels: list[Text] | None = None
    separator: Text = ","

    @property
    def is_pair(self) -> bool:
        """Whether a row has two texts that are read together."""
        return False

    @model_validator(mode="after")
    def _numbers_stay_numbers(self) -> "Labelling":
        if self.task == "regression" and (self.cuts is not None or self.labels is not None):
            raise ValueError("a regression foretells the number itself; remove cuts and labels")
        if self.task == "multi_label" and self.cuts is not None:
            raise ValueError("cuts make one label of a rating; remove cuts, or set task to single_label")
        if "separator" in self.model_fields_set and self.task != "multi_label":
            raise ValueError("separator is for task multi_label; remove it")
        return self

    @model_validator(mode="after")
    def _one_label_per_range(self) -> "Labelling":
        if self.labels is not None and len(set(self.labels)) != len(self.labels):
            raise ValueError("labels must differ from one another")
        if self.cuts is None:
            return self
        if self.cuts != sorted(set(self.cuts)):
            raise ValueError("cuts must rise strictly")
        if self.labels is None or len(self.labels) != len(self.cuts) + 1:
            raise ValueError(f"labels must name {len(self.cuts) + 1} ranges, one more than cuts")
        return self


class VaderData(Labelling):
    """The VADER study's human-rated sentences, from the package index."""

    source: Literal["vader"]
    path: Text = "data/local"

    @model_validator(mode="before")
    @classmethod
    def _cut_as_sentiment(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("task", "single_label") == "single_label":
            return SENTIMENT | values
        return values

    @model_validator(mode="after")
    def _has_ratings(self) -> "VaderData":
        if self.task == "multi_label":
            raise ValueError("source vader holds one rating a sentence; task allows single_label and regression")
        if self.task == "single_label" and self.cuts is None:
            raise ValueError("source vader holds ratings; cut them with cuts and labels, or set task to regression")
        return self


class Columns(Labelling):
    """Which columns of a table hold what; several columns of ``label`` hold 0 or 1, each for the label it is called.

    With ``text_pair`` a row is a pair of texts, and ``text`` holds the first of them.
    """

    text: Text
    text_pair: Text | None = None
    label: Text | Annotated[list[Text], Field(min_length=2)]
    group: Text | None = None
    domain: Text | None = None

    @property
    def is_pair(self) -> bool:
        """Whether a row has two texts that are read together."""
        return self.text_pair is not None

    @model_validator(mode="after")
    def _two_texts(self) -> "Columns":
        if self.text_pair == self.text:
            raise ValueError(
                f"text and text_pair are both {self.text!r}; name the column of the second text, or leave text_pair out"
            )
        return self

    @model_validator(mode="after")
    def _columns_of_labels(self) -> "Columns":
        if not isinstance(self.label, list):
            return self
        if self.task != "multi_label":
            raise ValueError("label names several columns, which task multi_label reads; name one, or set that task")
        if self.labels is not None or len(set(self.label)) != len(self.label):
            raise ValueError("label names a column for each label; remove labels, and name no column twice")
        return self


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


DataConfig = Annotated[VaderData | FileData | HubData, Field(discriminator="source")]
