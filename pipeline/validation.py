"""Settings that only the code they belong to can judge: a model's sizes, a loss's name and settings."""

from typing import Any

import torch
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, PreTrainedConfig, PreTrainedModel

from pipeline.errors import GraftError
from pipeline.models.masked import masked_config
from pipeline.models.registry import configure
from pipeline.models.transformer import UNABLE
from pipeline.params import Params, load_params
from pipeline.settings.students import StudentConfig
from pipeline.transfer.objective import bind_phases, signals_read


def validate_file() -> None:
    """Validate the params.yaml of this folder; raise GraftError with one line for the first slip."""
    validate(load_params())


def validate(params: Params) -> None:
    """Raise GraftError for the first model or loss that could not be built."""
    for name, model in params.pretraining.items():
        try:
            if model.is_new:
                config = masked_config(model.config, model.length)
                _build(AutoModelForMaskedLM, config, "config: no model", model.config)
        except GraftError as error:
            raise GraftError(f"params.yaml: pretraining.{name}.{error}") from None
    for name, student in params.students.items():
        try:
            _check_student(student)
        except GraftError as error:
            raise GraftError(f"params.yaml: students.{name}: {error}") from None
    try:
        needed = signals_read(bind_phases(params.transfer.phases, params.data.task))
    except GraftError as error:
        raise GraftError(f"params.yaml: {error}") from None
    if "teacher_tokens" in needed and not params.teach.token_states:
        raise GraftError("params.yaml: the loss token_states needs teach.token_states, the width to store, such as 64")


def _check_student(student: StudentConfig) -> None:
    what = f"no {student.architecture}"
    for settings in (student.config, student.control_config()):
        config = configure(student.architecture, settings)
        model = _build(AutoModelForSequenceClassification, config, what, settings)
    if student.tuning.frozen_layers is not None:
        # Late: it loads Trainer, which takes seconds.
        from pipeline.tuning.strategy import tune

        tune(model, student.tuning)


def _build(kind: Any, config: PreTrainedConfig, what: str, settings: dict[str, Any]) -> PreTrainedModel:
    """A model of ``config`` without weights; GraftError if its sizes and names do not go together."""
    try:
        with torch.device("meta"):
            model: PreTrainedModel = kind.from_config(config)
    except (*UNABLE, ArithmeticError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise GraftError(f"{what} can be built with {settings}: {reason}") from None
    return model
