"""``python -m pipeline.speed.worker FOLDER PRECISION THREADS``: a model in a process of its own, measured on demand.

A process to each model, so that its peak memory is its own, and so that several can be measured in turn: each line of
stdin asks for something, each line of stdout answers it.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Before tokenizers is imported: texts are tokenized in the one thread that asks.
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from pipeline.deployment.runtime import Classifier

BATCH = 32


def latencies(classifier: Classifier, texts: Sequence[str]) -> dict[str, Any]:
    """Return the milliseconds that each text takes by itself, from text to probabilities."""
    found = []
    for text in texts:
        start = time.perf_counter()
        classifier.probabilities(classifier.logits(classifier.encode([text])))
        found.append((time.perf_counter() - start) * 1000)
    return {"milliseconds": found}


def throughput(classifier: Classifier, texts: Sequence[str], seconds: float) -> dict[str, Any]:
    """Read batches of ``BATCH`` texts, over and over, for ``seconds`` at least.

    Return ``texts`` read, the ``seconds`` they took, and how many of those the model itself took, tokenization apart.
    """
    batches = [list(texts[start : start + BATCH]) for start in range(0, len(texts) - BATCH + 1, BATCH)]
    read, model, begun = 0, 0.0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        tokens = classifier.encode(batches[read // BATCH % len(batches)])
        start = time.perf_counter()
        classifier.probabilities(classifier.logits(tokens))
        model += time.perf_counter() - start
        read += BATCH
    return {"texts": read, "seconds": spent, "model_seconds": model}


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
    measures: dict[str, Callable[..., dict[str, Any]]] = {"latencies": latencies, "throughput": throughput}
    for line in sys.stdin:
        asked = json.loads(line)
        measure = measures[asked.pop("measure")]
        answer = measure(classifier, **asked)
        print(json.dumps(answer | peak_memory()), flush=True)


if __name__ == "__main__":
    main()
