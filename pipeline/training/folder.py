"""A trained model's folder: what is published of a training, and nothing else."""

from pathlib import Path

from transformers import PreTrainedTokenizerFast

from pipeline.artifacts import publish, write_csv, write_json
from pipeline.training.ranks import is_main_rank
from pipeline.training.trained import Trained


def publish_model(target: Path, trained: Trained, tokenizer: PreTrainedTokenizerFast) -> None:
    """Write weights (safetensors), configuration, tokenizer, ``curve.csv`` and ``training.json`` to ``target``.

    Of several processes the main one does.
    """
    if not is_main_rank():
        return
    with publish(target) as partial:
        partial.mkdir()
        # Where the weights came from is provenance, not configuration; a path would differ from clone to clone.
        trained.model.config._name_or_path = ""
        trained.model.save_pretrained(str(partial))
        tokenizer.save_pretrained(str(partial))
        write_csv(partial / "curve.csv", trained.curve)
        write_json(partial / "training.json", trained.summary)
