"""``python -m benchmarks.refusal --data DIR``: how well the exports of the recipe *intents* refuse what no label fits.

DIR holds Banking77's tables ``train`` and ``test``. The recipe runs in a copy under ``.bench/intents`` (or ``--work``)
as ``python -m benchmarks.public`` runs others. Then every export reads, in both precisions, the test texts of the known
intents, and those out of scope: *near*, of the intents that were held out, and *far*, of the VADER study. It prints
what the threshold does that was chosen on validation; how far the probability tells the texts apart whatever the
threshold (AUROC, and the share of texts out of scope that pass where 95 % of those known do); and how two other scores
would. In brackets 95 % bootstrap intervals over the texts.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import logsumexp
from sklearn.metrics import roc_auc_score, roc_curve

from benchmarks.public import lay_out, reproduce
from benchmarks.scratch import scratch_folder
from benchmarks.tables import markdown_table
from pipeline.artifacts import read_json, read_parquet
from pipeline.deployment.classifier import FILES, LONGEST, Classifier
from pipeline.errors import GraftError
from pipeline.params import load_params
from pipeline.task import Task
from pipeline.text.cleaning import clean_text
from pipeline.text.policy import Policy
from pipeline.text.tables import read_table
from recipes import find_recipe
from recipes.intents.scope import UNKNOWN, write_scope

RECIPE = "intents"
RESAMPLES, CONFIDENCE, SEED = 1000, 0.95, 7
OUTSIDE = ("near", "far")

# Of the texts in scope, how many pass where FPR is measured.
KEPT = 0.95


@dataclass(frozen=True)
class Answers:
    """What an export says of N texts: ``confidence`` (N,) calibrated, ``predicted`` (N,), ``logits`` (N, K)."""

    confidence: np.ndarray
    predicted: np.ndarray
    logits: np.ndarray


def main() -> None:
    """Read the command line, run the recipe, print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.refusal", description="Refusing what no label fits.")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="holds the tables train and test")
    parser.add_argument("--work", type=Path, metavar="DIR", help=f"where to work; .bench/{RECIPE} without it")
    options = parser.parse_args()
    try:
        work = options.work.resolve() if options.work else scratch_folder(RECIPE)
        lay_out(work, find_recipe(RECIPE))
        write_scope(options.data, work)
        reproduce(work)
        print(measure(work))
    except GraftError as error:
        sys.exit(f"graft: refusal: {error}")


def measure(work: Path) -> str:
    """Return the three tables for the exports that the params.yaml in ``work`` names."""
    params = load_params(work / "params.yaml")
    exports = [*(f"teacher/{name}" for name in params.teachers), *params.students]
    test = read_parquet(work / "data/prepared/test.parquet")
    policy = Policy.of(read_json(work / "data/prepared/text.json"))
    texts = {"known": test["text"].tolist()} | {name: out_of_scope(work, name, policy) for name in OUTSIDE}
    held, apart, scores = [], [], []
    for name in exports:
        for precision in FILES:
            classifier = Classifier(work / "exports" / name, precision, threads=2)
            said = {group: ask(classifier, each) for group, each in texts.items()}
            assert classifier.threshold is not None
            right = said["known"].predicted == Task("single_label", classifier.labels).targets(test["label"])
            head = [name, precision]
            held.append([*head, *at_threshold(said, right, classifier.threshold)])
            apart.append([*head, *without_threshold({group: each.confidence for group, each in said.items()})])
            if precision == "fp32":
                scores.append([name, *by_score(said)])
    counts = ", ".join(f"{len(each):,} {group}" for group, each in texts.items())
    outside = [f"{name} {measure}" for name in OUTSIDE for measure in ("AUROC", "FPR95")]
    return "\n\n".join(
        [
            f"Texts: {counts}. Shares in percent.",
            markdown_table(["Model", "", "Right", "Kept", "Right of kept", "Near refused", "Far refused"], held),
            markdown_table(["Model", "", *outside], apart),
            "AUROC by score, near and far:",
            markdown_table(["Model", *(f"{score}, {name}" for score in SCORES for name in OUTSIDE)], scores),
        ]
    )


def out_of_scope(work: Path, name: str, policy: Policy) -> list[str]:
    """The texts of ``near.csv`` or ``far.csv`` as ``policy`` has them read, without those that it refuses."""
    table = read_table(work / UNKNOWN / f"{name}.csv", ["text"])
    cleaned = [clean_text(str(text), 1, LONGEST, policy) for text in table.columns["text"]]
    return [each.text for each in cleaned if not each.reason]


def ask(classifier: Classifier, texts: list[str]) -> Answers:
    """Return what ``classifier`` says of cleaned ``texts``."""
    logits = classifier.logits(classifier.encode(texts))
    shares = classifier.answers(logits)
    return Answers(shares.max(axis=1), shares.argmax(axis=1), logits)


def at_threshold(said: dict[str, Answers], right: np.ndarray, threshold: float) -> list[str]:
    """Cells: right labels and texts kept of those known (``right``: (N,) bool), right of the kept, refused outside."""
    kept = said["known"].confidence >= threshold
    both = np.stack([kept, right], axis=1)
    return [
        _share(right),
        _share(kept),
        _cell(_right_of_kept, both, percent=True),
        *(_share(said[name].confidence < threshold) for name in OUTSIDE),
    ]


def without_threshold(scores: dict[str, np.ndarray]) -> list[str]:
    """Cells: AUROC and FPR at 95 % TPR for near and far, by the scores (N,) of each group; higher means known."""
    return [
        _cell(statistic, scores["known"], scores[name], percent=statistic is false_positives)
        for name in OUTSIDE
        for statistic in (auroc, false_positives)
    ]


SCORES: dict[str, Callable[[Answers], np.ndarray]] = {
    "probability": lambda said: said.confidence,
    "logit": lambda said: said.logits.max(axis=1),
    # Liu et al. 2020, "Energy-based Out-of-distribution Detection", eq. 3 at temperature 1; its negative.
    "energy": lambda said: logsumexp(said.logits.astype(np.float64), axis=1),
}


def by_score(said: dict[str, Answers]) -> list[str]:
    """Cells: AUROC by each of ``SCORES``, near and far."""
    return [f"{auroc(score(said['known']), score(said[name])):.3f}" for score in SCORES.values() for name in OUTSIDE]


def auroc(known: np.ndarray, outside: np.ndarray) -> float:
    """How often a known text scores higher than one out of scope, ties counted half."""
    return float(roc_auc_score(_is_known(known, outside), np.concatenate([known, outside])))


def false_positives(known: np.ndarray, outside: np.ndarray) -> float:
    """The share of texts out of scope that pass the highest threshold that ``KEPT`` of the known ones pass."""
    passed, kept, _ = roc_curve(_is_known(known, outside), np.concatenate([known, outside]), drop_intermediate=False)
    return float(passed[np.searchsorted(kept, KEPT - 1e-12)])


def interval(statistic: Callable[..., float], *samples: np.ndarray) -> tuple[float, float]:
    """Percentile bootstrap interval of ``statistic``; each sample's rows are drawn anew by themselves."""
    random = np.random.default_rng(SEED)
    drawn = [statistic(*(random.choice(each, len(each)) for each in samples)) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _is_known(known: np.ndarray, outside: np.ndarray) -> np.ndarray:
    return np.repeat([1, 0], [len(known), len(outside)])


def _right_of_kept(rows: np.ndarray) -> float:
    kept = rows[:, 0]
    return float(rows[kept, 1].mean()) if kept.any() else 0.0


def _share(marked: np.ndarray) -> str:
    return _cell(lambda rows: float(rows.mean()), marked, percent=True)


def _cell(statistic: Callable[..., float], *samples: np.ndarray, percent: bool) -> str:
    """``0.912 (0.900 to 0.923)``, in percent with one decimal."""
    values = (statistic(*samples), *interval(statistic, *samples))
    value, low, high = (f"{100 * each:.1f}" if percent else f"{each:.3f}" for each in values)
    return f"{value} ({low} to {high})"


if __name__ == "__main__":
    main()
