"""Architectures by name: one file of this folder each, imported only when it is asked for.

A file takes part by defining ``CONFIG`` (a PreTrainedConfig whose ``model_type`` starts with
``graft-``) and ``MODEL`` (its PreTrainedModel). Where the settings in params.yaml are not simply the
fields of ``CONFIG``, it also defines ``configure(vocab_size, pad_token_id, tokenizer, **settings)``, and
``check_reading(model, tokenizer, what)`` where not every model that can be configured can be a student.
"""

import dataclasses
import inspect
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from pipeline.artifacts import read_json, required
from pipeline.errors import GraftError
from pipeline.weights import check_weights

PREFIX = "graft-"

# What the tokenizer and the task say of a student, and no setting of params.yaml.
FROM_OUTSIDE = ("vocab_size", "pad_token_id", "pairs")


def architectures() -> list[str]:
    """Names of the architectures that this folder holds."""
    folder = Path(__file__).parent
    return sorted(path.stem for path in folder.glob("*.py") if "\nCONFIG, MODEL = " in path.read_text(encoding="utf-8"))


def load_architecture(name: str) -> ModuleType:
    """Import the architecture's module and register its classes with transformers' Auto classes."""
    if name not in architectures():
        raise GraftError(f"architecture is {name!r}; allowed: {', '.join(architectures())}")
    module = import_module(f"pipeline.models.{name}")
    AutoConfig.register(module.CONFIG.model_type, module.CONFIG, exist_ok=True)
    AutoModelForSequenceClassification.register(module.CONFIG, module.MODEL, exist_ok=True)
    return module


def configure(
    architecture: str,
    settings: dict[str, Any],
    vocab_size: int = 30522,
    pad_token_id: int = 0,
    tokenizer: PreTrainedTokenizerFast | None = None,
) -> PreTrainedConfig:
    """Build a student's configuration; raise GraftError with the setting at fault."""
    module = load_architecture(architecture)
    try:
        if hasattr(module, "configure"):
            return module.configure(vocab_size=vocab_size, pad_token_id=pad_token_id, tokenizer=tokenizer, **settings)
        allowed = sorted(name for name in _fields(module.CONFIG) if name not in FROM_OUTSIDE)
        for key in settings:
            if key not in allowed:
                raise GraftError(f"{key} is not a setting of {architecture}; allowed: {', '.join(allowed)}")
        # `dropout: 0` is as good a share as 0.0.
        shares = {each.name for each in dataclasses.fields(module.CONFIG) if each.type is float}
        settings = settings | {
            key: float(settings[key]) for key in shares & settings.keys() if type(settings[key]) is int
        }
        return module.CONFIG(vocab_size=vocab_size, pad_token_id=pad_token_id, **settings)
    except (TypeError, ValueError, StrictDataclassError) as error:
        raise GraftError(" ".join(str(error).split())) from None


def _fields(config: type[PreTrainedConfig]) -> set[str]:
    """Settings declared by the config class and those between it and PreTrainedConfig."""
    classes = config.__mro__[: config.__mro__.index(PreTrainedConfig)]
    return {name for cls in classes for name in vars(cls).get("__annotations__", {})}


def student(
    architecture: str,
    settings: dict[str, Any],
    tokenizer: PreTrainedTokenizerFast,
    names: list[str],
    pairs: bool = False,
) -> PreTrainedModel:
    """A student with random weights (from torch's global seed) that reads ``tokenizer``'s ids as ``names``.

    With ``pairs`` it reads two texts at once. Raises GraftError with the setting at fault, or if its architecture
    cannot read texts, or pairs of them, as a student must.
    """
    config = configure(architecture, settings, len(tokenizer), tokenizer.pad_token_id, tokenizer)
    if pairs:
        config.pairs = True
    config.id2label = dict(enumerate(names))
    config.label2id = {name: at for at, name in enumerate(names)}
    try:
        model = AutoModelForSequenceClassification.from_config(config)
    except (TypeError, ValueError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise GraftError(f"no {architecture} can be built with config {settings}: {reason}") from None
    module = load_architecture(architecture)
    if pairs and "token_type_ids" not in inspect.signature(module.MODEL.forward).parameters:
        raise GraftError(f"architecture {architecture} reads no pairs of texts; define its `read`, as bilstm.py does")
    if hasattr(module, "check_reading"):
        module.check_reading(model, tokenizer, f"architecture {architecture}")
    return model


def load_model(folder: Path) -> PreTrainedModel:
    """Load what ``save_pretrained`` wrote: one of ours or any transformers sequence classifier.

    Weights are read as safetensors alone, and no code that lies beside them is run. GraftError if it cannot be loaded.
    """
    check_weights(required(folder))
    try:
        return _load(folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise GraftError(f"{folder} holds no model that can be loaded: {reason}") from None


def _load(folder: Path) -> PreTrainedModel:
    model_type = str(read_json(folder / "config.json").get("model_type", ""))
    if model_type.startswith(PREFIX):
        load_architecture(model_type.removeprefix(PREFIX))
    return AutoModelForSequenceClassification.from_pretrained(
        str(folder), local_files_only=True, trust_remote_code=False, use_safetensors=True
    ).eval()
