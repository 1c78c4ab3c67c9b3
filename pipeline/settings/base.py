"""What the sections of params.yaml are made of: types with their ranges, and the strictness of them all."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Text = Annotated[str, Field(min_length=1)]
Revision = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Precision = Literal["auto", "bf16", "tf32", "fp32"]
Kind = Literal["single_label", "multi_label", "regression"]
Metric = Literal["macro_f1", "accuracy", "pearson", "spearman", "rmse", "loss"]

# The texts that tokenizers and models are trained on here.
TRANSFER_SET = "data/prepared/transfer.parquet"

# Where students start from unless they are pretrained.
TEACHERS = "models/teacher"


class Section(BaseModel):
    """A section of params.yaml: typed strictly, unknown keys refused, immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
