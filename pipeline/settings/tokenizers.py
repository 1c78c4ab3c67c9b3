"""``tokenizers``: a pretrained model's, or trained here."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.settings.base import TRANSFER_SET, Section, Text

TokenizerKind = Literal["bpe", "bytes", "words", "characters"]
Normalizer = Literal["nfkc", "nfc", "none"]
Pretokenizer = Literal["words", "spaces", "none"]


class TokenizerConfig(Section):
    """A tokenizer, a pretrained model's or one trained here, and the length that texts are cut to."""

    source: Text
    kind: TokenizerKind | None = None
    vocabulary: Annotated[int, Field(ge=64, le=1_000_000)] | None = None
    normalizer: Normalizer = "nfkc"
    lowercase: bool = True
    accents: bool = True
    pretokenizer: Pretokenizer = "words"
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
        for key in ("normalizer", "lowercase", "accents", "pretokenizer"):
            if not trained and key in self.model_fields_set:
                raise ValueError(f"{key} is for a tokenizer trained here, with kind and vocabulary; remove it")
        if self.kind == "characters" and "pretokenizer" in self.model_fields_set:
            raise ValueError("pretokenizer has no meaning for characters, which are all apart; remove it")
        if self.kind == "words" and self.pretokenizer == "none":
            raise ValueError("pretokenizer is 'none', which leaves a text whole; for kind words: 'words' or 'spaces'")
        return self
