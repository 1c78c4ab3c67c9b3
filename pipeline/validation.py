"""Settings that only the code they belong to can judge: a model's sizes, a loss's name and settings."""

from pipeline.errors import GraftError
from pipeline.models.masked import masked_config
from pipeline.models.registry import configure
from pipeline.params import Params, load_params
from pipeline.transfer.objective import bind_phases, signals_read


def validate_file() -> None:
    """Validate the params.yaml of this folder; raise GraftError with one line for the first slip."""
    validate(load_params())


def validate(params: Params) -> None:
    """Raise GraftError for the first model or loss that could not be built."""
    for name, model in params.pretraining.items():
        try:
            if model.is_new:
                masked_config(model.config, model.length)
        except GraftError as error:
            raise GraftError(f"params.yaml: pretraining.{name}.{error}") from None
    for name, student in params.students.items():
        try:
            configure(student.architecture, student.config)
            configure(student.architecture, student.control_config())
        except GraftError as error:
            raise GraftError(f"params.yaml: students.{name}: {error}") from None
    try:
        needed = signals_read(bind_phases(params.transfer.phases, params.data.task))
    except GraftError as error:
        raise GraftError(f"params.yaml: {error}") from None
    if "teacher_tokens" in needed and not params.teach.token_states:
        raise GraftError("params.yaml: the loss token_states needs teach.token_states, the width to store, such as 64")
