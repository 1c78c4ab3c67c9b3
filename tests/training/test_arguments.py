"""What chooses a checkpoint: errors the lower the better, scores the higher."""

from pathlib import Path

import pytest

from pipeline.settings.optimisation import TrainingConfig
from pipeline.training.arguments import training_arguments


@pytest.mark.parametrize(
    ("metric", "greater"),
    [("macro_f1", True), ("accuracy", True), ("pearson", True), ("spearman", True), ("rmse", False), ("loss", False)],
)
def test_the_better_checkpoint(tmp_path: Path, metric: str, greater: bool) -> None:
    config = TrainingConfig(batch_size=8, learning_rate=1e-3)
    arguments = training_arguments(str(tmp_path), config, steps=10, evaluations=2, seed=1, metric=metric)
    assert arguments.greater_is_better is greater
    assert arguments.metric_for_best_model == metric
