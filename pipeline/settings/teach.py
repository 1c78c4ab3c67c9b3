"""``teach``: the teachers' pass over the transfer set."""

from typing import Annotated

from pydantic import Field

from pipeline.settings.base import Count, Precision, Section


class TeachConfig(Section):
    """The teacher's pass over the transfer set."""

    batch_tokens: Count = 4096
    precision: Precision = "auto"
    shard_texts: Count = 16_384
    token_states: Annotated[int, Field(ge=0, le=4096)] = 0
