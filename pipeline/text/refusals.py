"""Rows leave through here, so that none leaves uncounted."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import pandas as pd

EXAMPLES = 5


class Refusals:
    """How many rows were refused for which reason, and the ids of the first few."""

    def __init__(self) -> None:
        """Begin with none."""
        self.counts: dict[str, int] = {}
        self.examples: dict[str, list[str]] = {}

    @property
    def total(self) -> int:
        """All rows refused."""
        return sum(self.counts.values())

    def add(self, reason: str, ids: Sequence[str]) -> None:
        """Count rows that were refused for ``reason``."""
        self.counts[reason] = self.counts.get(reason, 0) + len(ids)
        examples = self.examples.setdefault(reason, [])
        examples.extend(islice(ids, EXAMPLES - len(examples)))

    def drop(self, frame: pd.DataFrame, reasons: np.ndarray) -> pd.DataFrame:
        """Return the rows of ``frame`` (with a column id) whose reason is ""; count the others."""
        for reason, ids in frame["id"].groupby(reasons, sort=False):
            if reason:
                self.add(str(reason), ids.tolist())
        return frame[reasons == ""]
