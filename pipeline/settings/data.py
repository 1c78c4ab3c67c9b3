"""``data``: the labelled text and how its labels are made."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.settings.base import Revision, Section, Text


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


DataConfig = Annotated[VaderData | FileData | HubData, Field(discriminator="source")]
