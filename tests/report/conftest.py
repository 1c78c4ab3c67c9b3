"""A finished pipeline in miniature: everything the report reads, made up but plausible."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.artifacts import write_csv, write_json, write_parquet, write_text
from pipeline.configs import EvaluateConfig
from pipeline.evaluation.comparison import figures, student_figures
from pipeline.evaluation.predictions import prediction_frame

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
WITHOUT_TRANSFER = {"bilstm": 0.65, "textcnn": 0.665, "minibert": 0.60, "static": 0.62}


class Fabrication:
    """Writes the files of finished stages into ``folder``."""

    def __init__(self, folder: Path, labels: list[str], rows: int = 1500):
        self.folder, self.labels = folder, labels
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
        probabilities = np.full((len(position), len(self.labels)), 0.2 / len(self.labels))
        probabilities[np.arange(len(position)), chosen] += 0.8
        return prediction_frame([f"t{row}" for row in range(len(position))], self.true, probabilities, self.labels)

    def write(self) -> None:
        """Write what fetch to evaluate would have left."""
        write_text(self.folder / "params.yaml", PARAMS.read_text(encoding="utf-8"))
        write_json(self.folder / "data/prepared/labels.json", {"labels": self.labels})
        split = {"rows": 1500, "groups": 900, "labels": dict.fromkeys(self.labels, 75), "domains": {"nyt": 400}}
        summary = {
            "rows_in": 23703,
            "rows_kept": 23611,
            "labels": self.labels,
            "refused": {"duplicate": 75, "too_short": 3},
            "refused_examples": {"duplicate": ["movies-10341", "amazon-77_1"], "too_short": ["nyt-9_3"]},
            "splits": dict.fromkeys(("train", "validation", "test"), split),
            "leakage": {"train_test": {"exact": 0, "loose": 0}},
            "transfer_set": {"rows": 173572, "kinds": {"text": 17708, "cut": 50628}},
        }
        write_json(self.folder / "data/prepared/summary.json", summary)
        teacher = self.predictions(SKILL["minilm"])
        self._model("teacher", teacher, figures(teacher, self.labels, self.domains, CONFIG))
        self._training("models/teacher/minilm", SKILL["minilm"], 22_713_987, 1653)
        for name, size in SIZES.items():
            control, student = self.predictions(WITHOUT_TRANSFER[name]), self.predictions(SKILL[name])
            measured = student_figures(student, control, teacher, self.labels, self.domains, CONFIG)
            self._model(name, student, measured)
            self._model(f"controls/{name}", control, figures(control, self.labels, self.domains, CONFIG))
            self._training(f"models/students/{name}", SKILL[name], size, 3000)
            self._training(f"models/controls/{name}", WITHOUT_TRANSFER[name], size, 3000)
        tfidf = self.predictions(SKILL["tfidf"])
        self._model("rivals/tfidf", tfidf, figures(tfidf, self.labels, self.domains, CONFIG) | {"applicable": 1})
        self._model("rivals/vader", tfidf.head(0), {"applicable": 0, "reason": "VADER tells sentiment"})

    def _model(self, key: str, predictions: pd.DataFrame, measured: dict) -> None:
        write_parquet(self.folder / f"predictions/{key}.parquet", predictions)
        write_json(self.folder / f"metrics/{key}.json", measured)

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


@pytest.fixture
def fabricate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that writes a finished pipeline for some labels and makes its folder the current one."""

    def write(*labels: str, rows: int = 1500) -> Path:
        Fabrication(tmp_path, list(labels or ("negative", "neutral", "positive")), rows).write()
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return write
