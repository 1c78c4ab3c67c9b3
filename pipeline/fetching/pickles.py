"""PyTorch's weight files, which are pickles: read as tensors and nothing else, and written anew as safetensors."""

import pickle
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

from pipeline.artifacts import write_json
from pipeline.errors import GraftError
from pipeline.weights import refuse_pickle

# Where a training loop keeps the weights among other things.
INSIDE = ("state_dict", "model_state_dict", "model")


def convert_weights(source: Path, files: Sequence[str], folder: Path) -> None:
    """Write the tensors of ``files``, the weight files in ``source``, to ``folder`` as safetensors, a file each.

    Raises GraftError for a file that holds more than tensors: no code of it runs (``weights_only`` of torch.load).
    """
    shards: dict[str, str] = {}
    size = 0
    for number, file in enumerate(files, 1):
        weights = _state_dict(source, file)
        name = "model.safetensors" if len(files) == 1 else f"model-{number:05d}-of-{len(files):05d}.safetensors"
        try:
            tensors = _apart(weights)
            save_file(tensors, str(folder / name), metadata={"format": "pt"})
        except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise GraftError(f"{source / file} cannot be written as safetensors: {reason}") from None
        shards |= dict.fromkeys(tensors, name)
        size += sum(tensor.nbytes for tensor in tensors.values())
    if len(files) > 1:
        index = {"metadata": {"total_size": size}, "weight_map": shards}
        write_json(folder / "model.safetensors.index.json", index)


def _state_dict(folder: Path, file: str) -> dict[str, torch.Tensor]:
    path = folder / file
    try:
        with warnings.catch_warnings():
            # Of a TorchScript archive it says more than the line that it is refused with.
            warnings.simplefilter("ignore")
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (pickle.UnpicklingError, EOFError, RuntimeError, ValueError, LookupError, AttributeError, TypeError):
        raise refuse_pickle(folder, file, "for it holds more than tensors, or is damaged; ") from None
    inside = [loaded[key] for key in INSIDE if isinstance(loaded, Mapping) and _is_state_dict(loaded.get(key))]
    found = loaded if _is_state_dict(loaded) else inside[0] if len(inside) == 1 else None
    if found is None:
        raise GraftError(
            f"{path} holds no weights by name; write them with `torch.save(model.state_dict(), ...)` or save_pretrained"
        )
    weights = dict(found)
    # DataParallel's, which is no part of the model.
    consume_prefix_in_state_dict_if_present(weights, "module.")
    return weights


def _is_state_dict(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(name, str) and isinstance(tensor, torch.Tensor) for name, tensor in value.items())
    )


def _apart(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors, none of which shares memory with another: safetensors has no room for that.

    Which name of a shared tensor a model asks for only its code knows, so each name keeps its values.
    """
    seen: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        storage = tensor.untyped_storage()
        whole = tensor.is_contiguous() and tensor.nbytes == storage.nbytes()
        apart[name] = tensor if whole and storage.data_ptr() not in seen else tensor.clone().contiguous()
        seen.add(storage.data_ptr())
    return apart
