"""The ablation's grid: what each row changes of params.yaml.

A row holds all that the row above it holds, and one ingredient more.

| row | learns from | on | starts from | teachers |
|---|---|---|---|---|
| control | gold labels | training texts | random weights | – |
| + warm start | gold labels | training texts | the teacher's embeddings | one |
| + logits | the teacher's logits | training texts | the same | one |
| + transfer set | the teacher's logits | the transfer set of params.yaml | the same | one |
| + the other losses | the phases of params.yaml | the same | the same | one |
| + ensemble | the same | the same | the same | three, or those of params.yaml if it has several |

The row of the other losses is left out where params.yaml has logits alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.params import Params

Settings = dict[str, Any]

TEXTS_ALONE: Settings = {"transfer_set.copies": 0, "transfer_set.texts": 0}
WARM: Settings = {"transfer.warm_start": True}
GOLD: Settings = {"transfer.phases": [{"share": 1.0, "losses": [{"name": "gold"}]}]}
ENSEMBLE = 3


@dataclass(frozen=True)
class Row:
    """A row: its name in an experiment's name, its title in the table, and the settings that make it.

    Keys of ``settings`` are those of ``dvc exp run -S``: with ``+`` a setting is added, with ``~`` removed.
    """

    name: str
    title: str
    settings: Settings
    control: bool = False


def build_grid(params: Params) -> list[Row]:
    """Return the rows that ``params`` has the ingredients of, each upon the one before."""
    one: Settings = WARM | {f"~teachers.{name}": None for name in list(params.teachers)[1:]}
    logits = {"transfer.phases": [{"share": 1.0, "losses": [_logits_loss(params)]}]}
    rows = [
        Row("control", "control", TEXTS_ALONE, control=True),
        Row("warm-start", "+ warm start", one | TEXTS_ALONE | GOLD),
        Row("logits", "+ logits", one | TEXTS_ALONE | logits),
        Row("transfer-set", "+ transfer set", one | logits),
    ]
    others = [name for name in _loss_names(params) if not name.startswith("logits_")]
    if others:
        rows.append(Row("phases", f"+ {', '.join(others)}", one))
    full: Settings = WARM if others else WARM | logits
    return [*rows, Row("ensemble", "+ ensemble", full | _further_teachers(params))]


def to_overrides(settings: Settings) -> list[str]:
    """Write settings as ``dvc exp run -S`` reads them: Hydra's override grammar."""
    return [key if key.startswith("~") else f"{key}={_literal(value)}" for key, value in settings.items()]


def _literal(value: Any) -> str:
    """JSON but for the keys, which Hydra wants bare."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_literal(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_literal(entry) for entry in value) + "]"
    return json.dumps(value)


def _loss_names(params: Params) -> list[str]:
    return list(dict.fromkeys(loss.name for phase in params.transfer.phases for loss in phase.losses))


def _logits_loss(params: Params) -> dict[str, Any]:
    """The first loss on logits of params.yaml with its own settings, weight 1; squared differences if it has none."""
    for phase in params.transfer.phases:
        for loss in phase.losses:
            if loss.name.startswith("logits_"):
                return {"name": loss.name, "weight": 1.0, **(loss.model_extra or {})}
    return {"name": "logits_mse", "weight": 1.0}


def _further_teachers(params: Params) -> dict[str, Any]:
    """Copies of the only teacher with the next seeds."""
    (name, teacher), *others = params.teachers.items()
    if others:
        return {}
    return {
        f"+teachers.{name}-{number}": teacher.model_copy(update={"seed": teacher.seed + number - 1}).model_dump()
        for number in range(2, ENSEMBLE + 1)
    }
