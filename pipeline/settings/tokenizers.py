"""``tokenizers``: a pretrained model's, or trained here."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.settings.base import TRANSFER_SET, Section, Text

TokenizerKind = Literal["bpe", "words", "characters"]


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
