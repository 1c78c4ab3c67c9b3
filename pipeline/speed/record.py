"""What ``python -m pipeline.benchmark`` measured of the exports: ``data/speed/speed.json``, an input like the texts."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import GraftError
from pipeline.settings.base import Positive

REMEDY = "delete it, or run `make benchmark`, which writes it anew"


class _Measured(BaseModel):
    """A part of the file; what else it may hold is left alone."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


class Timing(_Measured):
    """One export in one precision."""

    p50_ms: Positive
    p95_ms: Positive
    texts_per_second: Positive
    ratio: Positive
    memory_mb: Positive


class ModelSpeed(_Measured):
    """One export; ``digest`` tells which, since a model that is trained anew is another."""

    digest: str
    fp32: Timing
    int8: Timing


class Machine(_Measured):
    """Where it was measured."""

    processor: str
    cores: int
    onnxruntime: str
    threads: int
    date: str

    def __str__(self) -> str:
        """As a reader sees it."""
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.processor}, {self.cores} cores, {threads}, onnxruntime {self.onnxruntime}, {self.date}"


class SpeedFile(_Measured):
    """The whole file."""

    machine: Machine
    models: Mapping[str, ModelSpeed]

    def of(self, key: str, digest: str) -> ModelSpeed | None:
        """Return what was measured of the export ``key`` as it is now; None if it was not, or was another."""
        found = self.models.get(key)
        return found if found is not None and found.digest == digest else None


def read_speed(path: Path) -> SpeedFile | None:
    """Read ``path``; None if nothing has been measured yet."""
    try:
        return SpeedFile.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"])) or "it"
        raise GraftError(f"{path}: {where}: {fault['msg'][0].lower()}{fault['msg'][1:]}; {REMEDY}") from None
    except ValueError:
        raise GraftError(f"{path} is no JSON; {REMEDY}") from None
