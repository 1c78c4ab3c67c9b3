"""A recipe made small enough for a test, and run."""

from typing import Any

from ruamel.yaml import YAML

from recipes import RECIPES


def settings(recipe: str) -> Any:
    return YAML(typ="safe").load((RECIPES / recipe / "params.yaml").read_text(encoding="utf-8"))


def keep_one_student(values: Any, name: str) -> None:
    """The student ``name`` alone, its budget the common one; few resamples; the same arithmetic on every machine."""
    values["students"] = {name: values["students"][name]}
    values["students"][name].pop("budget", None)
    values["evaluate"]["resamples"] = 200
    for section in (values["finetune"], values["teach"], values["budget"], *values["pretraining"].values()):
        section["precision"] = "fp32"


def shrink_static(values: Any, epochs: int, steps: int) -> None:
    """Sizes for a recipe with a pretrained teacher: of its students ``static``."""
    keep_one_student(values, "static")
    values["transfer_set"]["copies"] = 2
    values["finetune"].update(epochs=epochs, evaluations=2, learning_rate=3e-3)
    values["budget"].update(steps=steps, evaluations=2, batch_size=32, learning_rate=1e-2)
    values["students"]["static"]["config"].update(embedding_size=16, hidden_size=16)
