"""``prepare`` and ``transfer_set``: cleaning, splitting, and the texts that the teachers read."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.settings.base import Count, Section, Seed, Share, Text


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


Kind = Literal["cut", "mask", "splice", "replace", "mix", "shuffle", "drop"]


class TransferSetConfig(Section):
    """The unlabelled texts that the teacher reads; ``pipeline.text.augmentation`` makes the kinds of copies.

    ``column_pair`` holds the second text where ``data`` has pairs.
    """

    seed: Seed = 7
    path: Text = "data/unlabelled"
    column: Text = "text"
    column_pair: Text = "text_pair"
    encoding: Text = "utf-8"
    texts: Annotated[int, Field(ge=0)] = 100_000
    copies: Annotated[int, Field(ge=0, le=1000)] = 6
    kinds: Annotated[list[Kind], Field(min_length=1)] = ["cut", "mask", "splice"]
