"""A finished pipeline in miniature: everything the report reads, made up but plausible."""

import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.artifacts import write_csv, write_json, write_parquet, write_text
from pipeline.deployment.digest import digest
from pipeline.evaluation.calibration import expected_calibration_error, temper
from pipeline.evaluation.comparison import figures, student_figures
from pipeline.evaluation.predictions import prediction_frame
from pipeline.evaluation.publishing import WHOLE
from pipeline.settings.evaluate import EvaluateConfig
from tests.conftest import one_label

PARAMS = Path(__file__).parents[2] / "params.yaml"
CONFIG = EvaluateConfig(resamples=200)
SIZES = {"bilstm": 4_120_000, "textcnn": 4_310_000, "static": 7_900_000, "minibert": 19_200_000}
SKILL = {
    "minilm": 0.75,
    "bilstm": 0.71,
    "textcnn": 0.67,
    "minibert": 0.66,
    "static": 0.60,
    "tfidf": 0.62,
    "vader": 0.56,
}
# Bytes of the fp32 file (int8: a quarter) and milliseconds for one text, by export.
COSTS = {
    "teacher/minilm": (90_000_000, 8.0),
    "bilstm": (10_000_000, 2.0),
    "textcnn": (12_000_000, 0.8),
    "static": (20_000_000, 0.1),
    "minibert": (58_000_000, 3.2),
}
TEXTS = [
    "A gorgeous film.",
    "<script>alert(3)</script><img src=x onerror=alert(4)>",
    "turned \u202eround and never turned back",
    'a&b "quoted" `code` {{ title }}',
    "one word after another " * 40,
    "x" * 900,
    "z" + "\u0301" * 60 + " marks upon marks",
    "你好，世界" * 60,
]
MACHINE = {"processor": "A & B", "cores": 2, "onnxruntime": "1.30.0", "threads": 1, "date": "2026-11-25"}
WITHOUT_TRANSFER = {"bilstm": 0.65, "textcnn": 0.665, "minibert": 0.60, "static": 0.62}


class Fabrication:
    """Writes the files of finished stages into ``folder``."""

    def __init__(self, folder: Path, labels: list[str], rows: int = 1500):
        self.folder, self.labels, self.task = folder, labels, one_label(*labels)
        self.random = np.random.default_rng(5)
        self.true = self.random.choice(labels, rows)
        self.domains = self.random.choice(["amazon", "movies", "nyt", "tweets"], rows).tolist()
        self.difficulty = self.random.random(rows)

    def predictions(self, skill: float) -> pd.DataFrame:
        """Right where the text is easier than the skill, else mostly one label off."""
        position = np.array([self.labels.index(label) for label in self.true])
        noisy = self.difficulty + self.random.normal(0, 0.12, len(position))
        moved = (position + self.random.integers(1, len(self.labels), len(position))) % len(self.labels)
        chosen = np.where(noisy < skill, position, moved)
        confidence = np.clip(0.6 + np.abs(noisy - skill), 0.6, 0.99)
        spread = (1 - confidence) / (len(self.labels) - 1)
        probabilities = np.repeat(spread[:, None], len(self.labels), axis=1)
        probabilities[np.arange(len(position)), chosen] = confidence
        return prediction_frame([f"t{row}" for row in range(len(position))], self.true, probabilities, self.task)

    def write(self) -> None:
        """Write what fetch to evaluate would have left."""
        write_text(self.folder / "params.yaml", PARAMS.read_text(encoding="utf-8"))
        write_json(self.folder / "data/prepared/labels.json", {"labels": self.labels, "task": "single_label"})
        split = {"rows": 1500, "groups": 900, "labels": dict.fromkeys(self.labels, 75), "domains": {"nyt": 400}}
        summary = {
            "rows_in": 23703,
            "rows_kept": 23611,
            "labels": self.labels,
            "refused": {"duplicate": 75, "too_short": 3},
            "changed": {"zero_width": 12},
            "refused_examples": {"duplicate": ["movies-10341", "amazon-77_1"], "too_short": ["nyt-9_3"]},
            "splits": dict.fromkeys(("train", "validation", "test"), split),
            "leakage": {"train_test": {"exact": 0, "loose": 0}},
            "transfer_set": {"rows": 173572, "kinds": {"text": 17708, "cut": 50628}},
        }
        write_json(self.folder / "data/prepared/summary.json", summary)
        cuts = {"texts": 1500, "words": 30000, "tokens": 45000, "tokens_unknown": 45}
        groups = {"scripts": {"Latin": cuts, "Cjk": cuts | {"tokens": 30000}}, "domains": {"nyt": cuts}}
        write_json(self.folder / "metrics/tokenizers/minilm.json", {"cuts": groups})
        count = len(self.true)
        texts = [TEXTS[row % len(TEXTS)] for row in range(count)]
        test = {"id": [f"t{row}" for row in range(count)], "text": texts, "label": self.true, "domain": self.domains}
        write_parquet(self.folder / "data/prepared/test.parquet", pd.DataFrame(test))
        teacher = self.predictions(SKILL["minilm"])
        self._export("teacher/minilm", teacher)
        self._model("teacher", teacher, figures(teacher, self.task, self.domains, CONFIG))
        self._training("models/teacher/minilm", SKILL["minilm"], 22_713_987, 1653)
        for name, size in SIZES.items():
            control, student = self.predictions(WITHOUT_TRANSFER[name]), self.predictions(SKILL[name])
            measured = student_figures(student, control, teacher, self.task, self.domains, CONFIG)
            self._model(name, student, measured)
            self._export(name, student)
            self._model(f"controls/{name}", control, figures(control, self.task, self.domains, CONFIG))
            self._training(f"models/students/{name}", SKILL[name], size, 3000)
            self._training(f"models/controls/{name}", WITHOUT_TRANSFER[name], size, 3000)
        tfidf = self.predictions(SKILL["tfidf"])
        self._model("rivals/tfidf", tfidf, figures(tfidf, self.task, self.domains, CONFIG) | {"applicable": 1})
        self._model("rivals/vader", tfidf.head(0), {"applicable": 0, "reason": "VADER tells sentiment"})

    def _model(self, key: str, predictions: pd.DataFrame, measured: dict) -> None:
        write_parquet(self.folder / f"predictions/{key}.parquet", predictions)
        for folder, whole in (("metrics", True), ("metrics/parts", False)):
            chosen = {name: value for name, value in measured.items() if (name in WHOLE) == whole}
            write_json(self.folder / folder / f"{key}.json", chosen)
        if not key.startswith("rivals/"):
            self._noise(key, measured["macro_f1"])

    def _noise(self, key: str, macro_f1: float) -> None:
        found = {"texts": 500, "rate": 0.1, "macro_f1": macro_f1, "won_back": 0.86, "won_back_homoglyphs": 0.86}
        for kind, lost in {"swap": 0.1, "case": 0.0, "homoglyphs": 0.07}.items():
            found |= {f"macro_f1_{kind}": macro_f1 - lost, f"macro_f1_{kind}_policy": macro_f1 - lost}
        write_json(
            self.folder / f"metrics/robustness/{key}.json", found | {"macro_f1_homoglyphs_policy": macro_f1 - 0.01}
        )

    def _export(self, key: str, predictions: pd.DataFrame) -> None:
        shares = predictions[[f"p_{label}" for label in self.labels]].to_numpy(np.float64)
        gold, weight = self.task.targets(predictions["label"]), COSTS[key][0]
        macro_f1 = figures(predictions, self.task, self.domains, CONFIG)["macro_f1"]
        found = {f"macro_f1_{each}": macro_f1 for each in ("pytorch", "fp32", "int8")}
        found |= {"flips_fp32": 0, "flips_int8": 7, "difference_fp32": 1e-6, "difference_int8": 0.1}
        found |= {"bytes_fp32": weight, "bytes_int8": weight // 4, "temperature": 1.25, "threshold": 0.8}
        found |= {"coverage": 0.6, "accuracy_sure": 0.91, "rows": len(gold), "tokens": 900, "tokens_kept": 700}
        found["ece"] = expected_calibration_error(shares, gold)
        found["ece_calibrated"] = expected_calibration_error(temper(shares, 1.25), gold)
        write_json(self.folder / f"metrics/exports/{key}.json", found)
        write_text(self.folder / f"exports/{key}/settings.json", f"{key}\n")

    def _training(self, folder: str, best: float, parameters: int, steps: int) -> None:
        at = np.linspace(steps / 15, steps, 15).round()
        seen = best - 0.18 * np.exp(-at / steps * 5) + self.random.normal(0, 0.004, 15)
        curve = pd.DataFrame(
            {
                "step": at.astype(int),
                "epoch": at / 551,
                "train_loss": 1.1 - seen,
                "validation_loss": 1.2 - seen,
                "validation_macro_f1": seen,
                "validation_accuracy": seen + 0.01,
            }
        )
        write_csv(self.folder / folder / "curve.csv", curve)
        kept = int(at[int(seen.argmax())])
        write_json(
            self.folder / folder / "training.json", {"parameters": parameters, "steps": steps, "best_step": kept}
        )


def write_speed(folder: Path, costs: Mapping[str, tuple[int, float]] = COSTS) -> None:
    """Write what was measured of the exports of ``costs``, as they are now."""
    models = {}
    for key, (weight, latency) in costs.items():
        timing = {"p50_ms": latency, "p95_ms": 2 * latency, "texts_per_second": 900.0, "ratio": 1.5}
        timing |= {"bytes": weight, "memory_mb": 80.0}
        models[key] = {"digest": digest(folder / "exports" / key), "fp32": timing, "int8": timing}
    write_json(folder / "data/speed/speed.json", {"machine": MACHINE, "models": models})


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory):
    """Return a function that copies a finished pipeline, speed measured, into a folder; each is computed once."""

    @cache
    def original(labels: tuple[str, ...], rows: int) -> Path:
        folder = tmp_path_factory.mktemp("finished")
        Fabrication(folder, list(labels), rows).write()
        write_speed(folder)
        return folder

    def copy(folder: Path, *labels: str, rows: int = 1500) -> None:
        shutil.copytree(original(labels or ("negative", "neutral", "positive"), rows), folder, dirs_exist_ok=True)

    return copy


@pytest.fixture
def fabricate(finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that writes a finished pipeline for some labels and makes its folder the current one."""

    def write(*labels: str, rows: int = 1500) -> Path:
        finished(tmp_path, *labels, rows=rows)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return write
