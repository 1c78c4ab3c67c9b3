"""Settings that only the code they belong to can judge: a student's sizes, a loss's name and settings."""

from pipeline.errors import GraftError
from pipeline.models.registry import configure
from pipeline.params import Params
from pipeline.transfer.objective import Objective


def validate(params: Params) -> None:
    """Raise GraftError for the first student or loss that could not be built."""
    for name, student in params.students.items():
        try:
            configure(student.architecture, student.config)
        except GraftError as error:
            raise GraftError(f"params.yaml: students.{name}: {error}") from None
    try:
        Objective(params.transfer.losses)
    except GraftError as error:
        raise GraftError(f"params.yaml: {error}") from None
