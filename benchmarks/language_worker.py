"""``python -m benchmarks.language_worker NAME``: one side in a process of its own, on one core, asked line by line.

Each line of stdin asks for something, each line of stdout answers it, both in JSON.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

# Before the libraries that read them are imported.
os.environ |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

from benchmarks.identifiers import Identifier, open_identifier


class Measures:
    """What can be asked of a side."""

    def __init__(self, identifier: Identifier) -> None:
        self.identifier = identifier

    def describe(self) -> dict[str, Any]:
        """Return the languages it knows and the size of its model."""
        return {"known": sorted(self.identifier.known), "bytes": self.identifier.size}

    def answers(self, texts: Sequence[str], languages: Sequence[str]) -> dict[str, Any]:
        """Return its answers, each one of ``languages``."""
        self.identifier.restrict(languages)
        return {"answers": self.identifier.answer(texts)}

    def prepare(self, languages: Sequence[str]) -> dict[str, Any]:
        """Get ready to be timed: answer with ``languages`` alone."""
        self.identifier.restrict(languages)
        return {"ready": True}

    def speed(self, texts: Sequence[str], seconds: float) -> dict[str, Any]:
        """Answer ``texts`` over and over for ``seconds`` at least; return texts a second."""
        read, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds:
            self.identifier.answer_freely(texts)
            read += len(texts)
        return {"rate": read / spent}


def main() -> None:
    """Load the side and answer until stdin ends."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    # What a package prints as it loads is no answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    measures = Measures(open_identifier(sys.argv[1]))
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(getattr(measures, asked.pop("ask"))(**asked)), file=answers, flush=True)


if __name__ == "__main__":
    main()
