"""``python -m pipeline.stages.export MODEL``: a trained model as a folder that needs neither torch nor transformers.

MODEL is a student's NAME or ``teacher/NAME``. Reads ``export``, the model, the policy that its texts were prepared
with, the validation texts (temperature and threshold), the test texts (the check of what was written) and, where the
vocabulary is pruned, the tokens of the transfer set. Writes ``exports/MODEL/`` and ``metrics/exports/MODEL.json``.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from pipeline.artifacts import publish_together, read_json, read_parquet, write_json, write_text
from pipeline.deployment.bundle import settings, write_code
from pipeline.deployment.card import render_card
from pipeline.deployment.check import calibration_figures, export_figures
from pipeline.deployment.classifier import FILES, USUAL, Classifier
from pipeline.deployment.onnx import export_onnx, quantize
from pipeline.deployment.vocabulary import commonest_tokens, prune_vocabulary, vocabulary_size
from pipeline.evaluation.measures import measure_of
from pipeline.models.registry import load_model
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.settings.export import ExportConfig
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.students import StudentConfig
from pipeline.stages.entry import run
from pipeline.task import task_of
from pipeline.text.pairs import texts_in
from pipeline.text.policy import Policy
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.tokens.table import read_tokens
from pipeline.training.prediction import predict
from pipeline.transfer.warm_start import token_counts

PREPARED = Path("data/prepared")


class Settings(Sections):
    """What this stage reads of params.yaml."""

    students: dict[str, StudentConfig]
    evaluate: EvaluateConfig
    export: ExportConfig


def main(model: str) -> None:
    """Export ``model``."""
    params = read_sections(Settings)
    teacher = model.removeprefix("teacher/") if model.startswith("teacher/") else None
    source = Path("models") / ("students" if teacher is None else "") / model
    task = task_of(read_json(PREPARED / "labels.json"))
    policy = Policy.of(read_json(PREPARED / "text.json"))
    trained, tokenizer = load_model(source), load_tokenizer(source)
    texts = {split: read_parquet(PREPARED / f"{split}.parquet") for split in ("validation", "test")}
    gold = {split: task.targets(frame["label"]) for split, frame in texts.items()}
    batch_tokens = params.evaluate.batch_tokens
    whole = _logits(trained, tokenizer, texts["test"], batch_tokens)
    rows = vocabulary_size(trained)
    tokenizer_name = params.section("students", model).tokenizer if teacher is None else None
    if tokenizer_name is not None and params.export.vocabulary < rows:
        counts = token_counts(read_tokens(Path("data/tokenized") / tokenizer_name / "transfer.arrow"), rows)
        kept = commonest_tokens(counts, params.export.vocabulary, tokenizer.all_special_ids)
        prune_vocabulary(trained, kept)
        rows = len(kept)
    reference = _logits(trained, tokenizer, texts["test"], batch_tokens)
    with publish_together(Path("exports") / model, Path("metrics/exports") / f"{model}.json") as (folder, metrics):
        folder.mkdir()
        export_onnx(trained, folder / FILES["fp32"])
        quantize(folder / FILES["fp32"], folder / FILES["int8"])
        tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
        write_code(folder, policy)
        write_json(folder / "settings.json", settings(task, tokenizer, policy))
        exported = {each: _read(folder, each, texts["test"]) for each in FILES}
        found = export_figures(whole, reference, exported, gold["test"], task)
        if task.kind == "single_label":
            # What is sure is said by the numbers that users will see, not by PyTorch's.
            read = {"validation": _read(folder, USUAL, texts["validation"]), "test": exported[USUAL]}
            sure = calibration_figures(read, gold, params.export.accuracy, params.export.coverage)
            chosen = {name: sure[name] for name in ("temperature", "threshold")}
            write_json(folder / "settings.json", settings(task, tokenizer, policy, **chosen))
            found |= sure
        found |= {"tokens": len(tokenizer), "tokens_kept": min(rows, len(tokenizer)), "rows": len(gold["test"])}
        found |= {f"bytes_{each}": (folder / file).stat().st_size for each, file in FILES.items()}
        figures = {name: round(value, 6) for name, value in found.items()}
        architecture = trained.config.model_type.removeprefix("graft-")
        card = render_card(
            model,
            "Distilled" if teacher is None else "Fine-tuned",
            architecture,
            task,
            figures,
            params.export.accuracy,
            params.export.coverage,
        )
        write_text(folder / "README.md", card)
        write_json(metrics, figures)
    measure = measure_of(task)
    scores = {each: figures[f"{measure.key}_{each}"] for each in ("pytorch", "fp32", "int8")}
    print(
        f"export@{model}: {figures['bytes_fp32'] / 1e6:.1f} MB, int8 {figures['bytes_int8'] / 1e6:.1f} MB; "
        f"{measure.title} {scores['pytorch']:.4f}, fp32 {scores['fp32']:.4f}, int8 {scores['int8']:.4f}"
    )


def _logits(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, texts: pd.DataFrame, batch_tokens: int
) -> np.ndarray:
    table, _ = encode(tokenizer, texts["id"].tolist(), texts_in(texts), tokenizer.model_max_length)
    return predict(model, table, tokenizer.pad_token_id, batch_tokens, "fp32", title=None)[0]


def _read(folder: Path, precision: str, texts: pd.DataFrame) -> np.ndarray:
    """Return the logits that a user of the folder gets."""
    classifier = Classifier(folder, precision, torch.get_num_threads())
    return classifier.logits(classifier.encode(texts_in(texts)))


if __name__ == "__main__":
    run(main)
