"""A folder that classifies text by itself: the graph in two precisions, tokenizer, settings, and the code to run it."""

from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from transformers import PreTrainedTokenizerFast

from pipeline.artifacts import write_text
from pipeline.deployment import classifier, runtime, words
from pipeline.task import Task
from pipeline.text import cleaning, homoglyphs, invisible, masking, pairs, policy
from pipeline.text.policy import Policy

# What travels beside ``predict.py``.
MODULES = (classifier, words, cleaning, homoglyphs, invisible, masking, pairs, policy)
NEEDED = ("numpy", "onnxruntime", "tokenizers")


def write_code(folder: Path, rules: Policy) -> None:
    """Write ``predict.py``, what it imports, and ``requirements.txt``, with what ``rules`` need besides."""
    code, own = _source(runtime), "from pipeline.deployment.classifier import"
    assert own in code
    # Bytecode beside it would change the folder where it is used, and so its digest.
    code = code.replace(own, "sys.dont_write_bytecode = True\n" + own)
    for module in MODULES:
        write_text(folder / _file(module).name, _alone(_source(module)))
    write_text(folder / "predict.py", _alone(code))
    needed = (*NEEDED, "ftfy") if rules.mojibake else NEEDED
    write_text(folder / "requirements.txt", "".join(f"{name}=={version(name)}\n" for name in needed))


def _alone(code: str) -> str:
    """Return ``code`` with its imports from this project turned to the files beside it."""
    for module in MODULES:
        code = code.replace(f"from {module.__name__} import", f"from {_file(module).stem} import")
    return code


def tokenizer_settings(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """What the code must be told of the tokenizer besides its ``tokenizer.json``."""
    pad, unknown = tokenizer.pad_token_id, tokenizer.unk_token_id
    return {
        "max_length": tokenizer.model_max_length,
        "truncation_side": tokenizer.truncation_side,
        "split_special_tokens": tokenizer.split_special_tokens,
        "pad_token_id": pad,
        "filler_token_id": pad if unknown is None else unknown,
    }


def settings(
    task: Task,
    tokenizer: PreTrainedTokenizerFast,
    rules: Policy,
    temperature: float = 1.0,
    threshold: float | None = None,
) -> dict[str, Any]:
    """Return what ``settings.json`` holds."""
    return {
        "task": task.kind,
        "labels": task.labels,
        "temperature": temperature,
        "threshold": threshold,
        "text": rules.values(),
        **({"pairs": True} if task.pairs else {}),
        **tokenizer_settings(tokenizer),
    }


def _source(module: ModuleType) -> str:
    return _file(module).read_text(encoding="utf-8")


def _file(module: ModuleType) -> Path:
    assert module.__file__ is not None
    return Path(module.__file__)
