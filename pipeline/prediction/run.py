"""Rows in, answers out, a chunk at a time; what became of them is counted."""

import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from pipeline.prediction.loading import TextClassifier
from pipeline.prediction.rows import Sink, Source


@dataclass
class Tally:
    """How many rows were answered, and how many of them refused, by reason."""

    rows: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.perf_counter)

    def line(self) -> str:
        """Say all of it in a line."""
        seconds = time.perf_counter() - self.began
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.refused.most_common())
        rate = f"{self.rows:,} rows in {seconds:.1f} s, {self.rows / max(seconds, 1e-9):,.0f} a second"
        return f"{rate}; refused: {self.refused.total():,}{f' ({reasons})' if reasons else ''}"


def answer_rows(classifier: TextClassifier, source: Source, sink: Sink, at_most: int, bar: bool = False) -> Tally:
    """Classify every row of ``source``, at most so many at once, and write it to ``sink``; show a progress ``bar``."""
    tally = Tally()
    with _progress(source.total) if bar else nullcontext() as progress:
        for chunk in source.chunks(at_most):
            # A row without a text takes part, so that the others have the same company in every format.
            answers = list(classifier.classify(row.text for row in chunk.rows))
            for at, row in enumerate(chunk.rows):
                if row.reason:
                    answers[at] = {"refused": row.reason}
            sink.write(chunk, answers)
            tally.rows += len(answers)
            tally.refused.update(answer["refused"] for answer in answers if "refused" in answer)
            if progress is not None:
                progress.update(len(answers))
    return tally


def _progress(total: int | None) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, unit="row", unit_scale=True, dynamic_ncols=True)
