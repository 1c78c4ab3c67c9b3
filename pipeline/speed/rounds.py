"""Models measured in turn, round after round, so that whatever else the machine does meets all of them alike."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import GraftError
from pipeline.text.pairs import TextOrPair

# Texts a round that are read one by one; seconds a round of batches.
ALONE, SECONDS = 16, 0.5


class Worker:
    """A model in a process of its own."""

    def __init__(self, folder: Path, precision: str, threads: int) -> None:
        command = [sys.executable, "-m", "pipeline.speed.worker", str(folder), precision, str(threads)]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.folder = folder
        self._answer()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def ask(self, measure: str, **settings: Any) -> dict[str, Any]:
        """Have the process measure; return what it answers."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"measure": measure, **settings}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise GraftError(f"{self.folder} could not be measured: its process ended; what it said stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def measure(
    folders: Mapping[str, Path],
    precision: str,
    texts: Sequence[TextOrPair],
    before: Sequence[TextOrPair],
    rounds: int,
    threads: int,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, list[dict[str, Any]]]:
    """Return for each model of ``folders`` what every round measured of it; a first round warms up and is left out.

    What is measured are ``texts``, by models that have read the texts ``before``, as one in service has read others.
    ``progress`` is called after every model of every round. Raises GraftError if a model cannot be loaded.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in folders}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(each, precision, threads)) for name, each in folders.items()}
        for worker in workers.values():
            worker.ask("read_before", texts=list(before))
        for number in range(rounds + 1):
            # Other texts each round, the same for all.
            alone = [texts[(number * ALONE + at) % len(texts)] for at in range(ALONE)]
            for name, worker in workers.items():
                latency = worker.ask("latencies", texts=alone)
                answer = worker.ask("throughput", texts=list(texts), seconds=SECONDS if number else SECONDS / 2)
                if number:
                    found[name].append(latency | answer)
                progress()
    return found


def summary(rounds: Sequence[Mapping[str, Any]], against: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return what ``rounds`` of a model say, beside those of the teacher ``against`` it, round by round.

    ``p50_ms`` and ``p95_ms`` of a text by itself; ``texts_per_second`` in batches of 32 (median over the rounds);
    ``ratio`` to the teacher's in the same round (median), and ``ratio_model`` with tokenization left out of both;
    ``memory_mb`` at most.
    """
    alone = np.concatenate([each["milliseconds"] for each in rounds])
    whole, model = _rates(rounds)
    teacher_whole, teacher_model = _rates(against)
    return {
        "p50_ms": round(float(np.percentile(alone, 50)), 3),
        "p95_ms": round(float(np.percentile(alone, 95)), 3),
        "texts_per_second": round(float(np.median(whole)), 1),
        "ratio": round(float(np.median(whole / teacher_whole)), 2),
        "ratio_model": round(float(np.median(model / teacher_model)), 2),
        "memory_mb": round(max(each["bytes"] for each in rounds) / 1e6, 1),
    }


def _rates(rounds: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Texts a second of every round: from text to probabilities, and in the model alone."""
    texts = np.array([each["texts"] for each in rounds], float)
    return texts / [each["seconds"] for each in rounds], texts / [each["model_seconds"] for each in rounds]
