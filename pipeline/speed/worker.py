"""``python -m pipeline.speed.worker FOLDER PRECISION THREADS``: a model in a process of its own, measured on demand.

A process to each model, so that its peak memory is its own, and so that several can be measured in turn: each line of
stdin asks for something, each line of stdout answers it.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

# Before tokenizers is imported: texts are tokenized in the one thread that asks.
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from pipeline.deployment.classifier import Classifier
from pipeline.text.pairs import TextOrPair

BATCH = 32


class Measures:
    """What can be measured of a model that has read other texts, and knows their words, but none of those it is given.

    Before it reads any of them again it forgets them: a text in service is a new one.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.known: dict[str, tuple[int, ...]] = {}
        self.characters = 0

    def read_before(self, texts: Sequence[TextOrPair]) -> dict[str, Any]:
        """Tokenize ``texts``; their words stay known. Return how many words those are."""
        for start in range(0, len(texts), BATCH):
            self.classifier.encode(texts[start : start + BATCH])
        if self.classifier.words is not None:
            self.known, self.characters = self.classifier.words.known, self.classifier.words.characters
        return {"words": len(self.known)}

    def latencies(self, texts: Sequence[TextOrPair]) -> dict[str, Any]:
        """Return the milliseconds that each text takes by itself, from text to probabilities."""
        self._forget()
        found = []
        for text in texts:
            start = time.perf_counter()
            self.classifier.answers(self.classifier.logits(self.classifier.encode([text])))
            found.append((time.perf_counter() - start) * 1000)
        return {"milliseconds": found}

    def throughput(self, texts: Sequence[TextOrPair], seconds: float) -> dict[str, Any]:
        """Read batches of ``BATCH`` texts, over and over, for ``seconds`` at least; fewer texts fill one, repeated.

        Return ``texts`` read, the ``seconds`` they took, and how many of those the model itself took, tokenization
        apart.
        """
        filled = [*texts, *islice(cycle(texts), max(0, BATCH - len(texts)))]
        batches = [filled[start : start + BATCH] for start in range(0, len(filled) - BATCH + 1, BATCH)]
        read, spent, model = 0, 0.0, 0.0
        while spent < seconds:
            at = read // BATCH % len(batches)
            if at == 0:
                self._forget()
            start = time.perf_counter()
            tokens = self.classifier.encode(batches[at])
            tokenized = time.perf_counter()
            self.classifier.answers(self.classifier.logits(tokens))
            end = time.perf_counter()
            spent += end - start
            model += end - tokenized
            read += BATCH
        return {"texts": read, "seconds": spent, "model_seconds": model}

    def _forget(self) -> None:
        if self.classifier.words is not None:
            self.classifier.words.known, self.classifier.words.characters = dict(self.known), self.characters


def peak_memory() -> dict[str, Any]:
    """Return the most memory that this process has held, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Of this program alone; what getrusage says counts from before it was started, when it was still its parent.
        held = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
        return {"bytes": int(held.split()[1]) * 1024}
    import resource

    return {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def main() -> None:
    """Load the model and answer until stdin ends."""
    folder, precision, threads = sys.argv[1:]
    classifier = Classifier(Path(folder), precision, int(threads))
    print(json.dumps({"ready": True}), flush=True)
    measures = Measures(classifier)
    for line in sys.stdin:
        asked = json.loads(line)
        answer = getattr(measures, asked.pop("measure"))(**asked)
        print(json.dumps(answer | peak_memory()), flush=True)


if __name__ == "__main__":
    main()
