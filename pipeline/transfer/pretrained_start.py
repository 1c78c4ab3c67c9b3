"""A student's weights from a model that was pretrained for it, on text without labels."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoModel, PreTrainedModel

from pipeline.artifacts import read_json, required
from pipeline.errors import GraftError
from pipeline.models.registry import PREFIX
from pipeline.models.transformer import check_loaded, text_encoder
from pipeline.weights import check_weights

# The classifier, and what compares two texts, are the task's; everything else was pretrained.
HEAD = ("classifier.", "comparison.")


def start_from(student: PreTrainedModel, folder: Path) -> int:
    """Start ``student`` from the model in ``folder``; return how many values were copied.

    A student that is written here starts from one that was pretrained as ``masked_student`` is, a transformers encoder
    from one of its kind. Raises GraftError if they differ in kind or size, or most of the weights are missing.
    """
    check_weights(required(folder))
    is_ours = str(read_json(folder / "config.json").get("model_type", "")).startswith(PREFIX)
    encoder = getattr(student, "encoder", None)
    if is_ours != (encoder is None):
        raise GraftError(f"{folder} is no model of the student's architecture")
    try:
        weights = _students_own(folder) if is_ours else _encoders(folder)
    except (OSError, ValueError, SafetensorError) as error:
        raise GraftError(f"{folder} holds no model that can be loaded: {str(error).splitlines()[0]}") from None
    target = (encoder or student).state_dict()
    copied = 0
    with torch.no_grad():
        for name, value in target.items():
            if is_ours and name.startswith(HEAD):
                continue
            if name not in weights or weights[name].shape != value.shape:
                there = list(weights[name].shape) if name in weights else "missing"
                raise GraftError(f"{folder} does not fit: {name} is {there} there, {list(value.shape)} in the student")
            value.copy_(weights[name])
            copied += value.numel()
    return copied


def _students_own(folder: Path) -> dict[str, torch.Tensor]:
    prefix = "student."
    stored = load_file(folder / "model.safetensors")
    return {name.removeprefix(prefix): value for name, value in stored.items() if name.startswith(prefix)}


def _encoders(folder: Path) -> dict[str, torch.Tensor]:
    options = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True, "dtype": torch.float32}
    encoder, report = AutoModel.from_pretrained(str(folder), **options, output_loading_info=True)
    check_loaded(encoder, report, folder)
    weights: dict[str, torch.Tensor] = text_encoder(encoder).state_dict()
    return weights
