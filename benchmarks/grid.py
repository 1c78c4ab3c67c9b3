"""The ablation's grid: what each row changes of params.yaml.

| row | learns from | on | starts from | teachers |
|---|---|---|---|---|
| control | gold labels | training texts | random weights | – |
| + warm start | gold labels | training texts | the teacher's embeddings or layers | one |
| + logits | the teacher's logits | training texts | the same | one |
| + transfer set | the teacher's logits | the transfer set of params.yaml | the same | one |
| + representation | the teacher's sentence vectors, then its logits | the same | the same | one |
| + ensemble | the teachers' logits | the same | the same | three, or those of params.yaml if it has several |
| own tokenizer | the teacher's logits | the same | the same | one; a BPE of 8,000 trained on the transfer set |

Down to the transfer set each row has all that the row above it has, and one ingredient more. The last rows each
change the row of the transfer set in one thing. Students of architecture ``encoder`` keep the teacher's tokenizer.
Where params.yaml weighs other losses than logits, its own phases take the place of the row of representations.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.params import Params
from pipeline.settings.base import TRANSFER_SET

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
    logits: Settings = {"transfer.phases": [{"share": 1.0, "losses": [_logits_loss(params)]}]}
    rows = [
        Row("control", "control", TEXTS_ALONE, control=True),
        Row("warm-start", "+ warm start", one | TEXTS_ALONE | GOLD),
        Row("logits", "+ logits", one | TEXTS_ALONE | logits),
        Row("transfer-set", "+ transfer set", one | logits),
    ]
    others = [name for name in _loss_names(params) if not name.startswith("logits_")]
    if others:
        rows.append(Row("phases", f"+ {', '.join(others)}", one))
    else:
        first = {"share": 0.4, "losses": [{"name": "representation"}]}
        phases = [first, {"share": 0.6, "losses": [_logits_loss(params)]}]
        rows.append(Row("representation", "+ representation", one | {"transfer.phases": phases}))
    ensemble = WARM | logits | _further_teachers(params)
    return [
        *rows,
        Row("ensemble", "+ ensemble", ensemble),
        Row("own-tokenizer", "own tokenizer", one | logits | _own_tokenizer(params)),
    ]


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
        f"+teachers.{name}-{number}": teacher.model_copy(update={"seed": teacher.seed + number - 1}).model_dump(
            exclude_defaults=True
        )
        for number in range(2, ENSEMBLE + 1)
    }


def _own_tokenizer(params: Params) -> Settings:
    """A trained tokenizer for every student but transformers, which would lose the teacher's embeddings with it."""
    length = max(tokenizer.max_length for tokenizer in params.tokenizers.values())
    own = {"source": TRANSFER_SET, "kind": "bpe", "vocabulary": 8000, "max_length": length}
    readers = [name for name, student in params.students.items() if student.architecture != "encoder"]
    return {"+tokenizers.own": own} | {f"students.{name}.tokenizer": "own" for name in readers}
