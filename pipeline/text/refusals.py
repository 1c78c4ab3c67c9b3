"""Rows leave through here, so that none leaves uncounted."""

from collections.abc import Callable, Sequence
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

    def add_rows(self, reason: str, rows: np.ndarray, id_of: Callable[[int], str]) -> None:
        """Count the ``rows`` (N,) that were refused for ``reason``, if there are any; ``id_of`` knows their ids."""
        if len(rows):
            self.add(reason, [id_of(row) for row in rows[:EXAMPLES].tolist()])
            self.counts[reason] += max(len(rows) - EXAMPLES, 0)

    def drop(self, frame: pd.DataFrame, reasons: np.ndarray) -> pd.DataFrame:
        """Return the rows of ``frame`` (with a column id) whose reason is ""; count the others."""
        for reason, ids in frame["id"].groupby(reasons, sort=False):
            if reason:
                self.add(str(reason), ids.tolist())
        return frame[reasons == ""]
