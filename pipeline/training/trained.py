"""What comes of a training."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from transformers import PreTrainedModel

from pipeline.errors import GraftError
from pipeline.training.curves import curve
from pipeline.training.resume import ResumableTrainer


@dataclass(frozen=True)
class Trained:
    """A trained model at its best checkpoint, its curve, what the training was, and a line on this run of it."""

    model: PreTrainedModel
    curve: pd.DataFrame
    summary: dict[str, Any]
    course: str


def finish(trainer: ResumableTrainer, model: PreTrainedModel, began: float) -> Trained:
    """Return what ``trainer`` made of ``model`` since ``began`` (``time.monotonic``).

    Raises GraftError if the loss stopped being a number.
    """
    state, metric = trainer.state, trainer.args.metric_for_best_model
    losses = [entry[key] for entry in state.log_history for key in ("loss", "eval_loss") if key in entry]
    if state.best_metric is None or not np.isfinite(losses).all():
        raise GraftError("the loss stopped being a number; lower learning_rate or raise warmup")
    summary = {
        "best_step": state.best_global_step,
        f"best_validation_{metric}": round(state.best_metric, 6),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": state.global_step,
    }
    course = trainer.course(time.monotonic() - began)
    return Trained(model.cpu().eval(), curve(state.log_history), summary, course)
