"""``text``: what is done to every text before a model reads it."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from pipeline.settings.base import Section


class TextConfig(Section):
    """The rules of ``pipeline.text.policy``, each of which can be switched off."""

    mojibake: bool = False
    form: Literal["nfc", "nfkc", "none"] = "nfc"
    control: bool = True
    bidi: bool = True
    zero_width: bool = True
    homoglyphs: bool = True
    mask: list[Literal["e_mail", "phone", "key"]] = []
    letters: Annotated[int, Field(ge=0)] = 0
    letter_share: Annotated[float, Field(ge=0, le=1)] = 0.0

    @field_validator("mask")
    @classmethod
    def _once_each(cls, mask: list[str]) -> list[str]:
        if len(set(mask)) != len(mask):
            raise ValueError("names a kind twice; name each once")
        return mask
