"""``python -m pipeline.stages.export MODEL``: a trained model as a folder that needs neither torch nor transformers.

MODEL is a student's NAME or ``teacher/NAME``. Reads ``export``, the model, the validation texts (temperature and
threshold), the test texts (the check of what was written) and, where the vocabulary is pruned, the tokens of the
transfer set. Writes ``exports/MODEL/`` and ``metrics/exports/MODEL.json``.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.artifacts import publish_together, read_json, read_parquet, write_json, write_text
from pipeline.configs import ExportConfig
from pipeline.deployment.bundle import settings, write_code
from pipeline.deployment.card import render_card
from pipeline.deployment.check import export_figures
from pipeline.deployment.onnx import export_onnx, quantize
from pipeline.deployment.runtime import FILES, Classifier
from pipeline.deployment.vocabulary import commonest_tokens, prune_vocabulary, vocabulary_size
from pipeline.evaluation.calibration import confidence_threshold, expected_calibration_error, fit_temperature
from pipeline.evaluation.predictions import label_ids
from pipeline.models.registry import load_model
from pipeline.params import Params, load_params
from pipeline.stages.entry import run
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.tokens.table import read_tokens
from pipeline.training.prediction import predict, softmax
from pipeline.transfer.warm_start import token_counts

PREPARED = Path("data/prepared")


def main(model: str) -> None:
    """Export ``model``."""
    params = load_params()
    source, tokens, kind = _where(model, params)
    labels = read_json(PREPARED / "labels.json")["labels"]
    trained, tokenizer = load_model(source), load_tokenizer(source)
    logits, gold = {}, {}
    for split in ("validation", "test"):
        texts = read_parquet(PREPARED / f"{split}.parquet")
        table, _ = encode(tokenizer, texts["id"].tolist(), texts["text"].tolist(), tokenizer.model_max_length)
        batch = params.evaluate.batch_tokens
        logits[split], _ = predict(trained, table, tokenizer.pad_token_id, batch, "fp32", title=None)
        gold[split] = label_ids(texts["label"], labels)
    size = len(tokenizer)
    if source.parent.name == "students" and params.export.vocabulary < size:
        counts = token_counts(read_tokens(tokens / "transfer.arrow"), vocabulary_size(trained))
        kept = commonest_tokens(counts, params.export.vocabulary, tokenizer.all_special_ids)
        prune_vocabulary(trained, kept)
        size = len(kept)
    with publish_together(Path("exports") / model, Path("metrics/exports") / f"{model}.json") as (folder, metrics):
        folder.mkdir()
        export_onnx(trained, folder / FILES["fp32"])
        quantize(folder / FILES["fp32"], folder / FILES["int8"])
        tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
        write_code(folder)
        found = _calibrate(logits, gold, params.export)
        chosen = settings(labels, tokenizer, found["temperature"], found["threshold"])
        write_json(folder / "settings.json", chosen)
        found |= _check(folder, logits["test"], gold["test"], read_parquet(PREPARED / "test.parquet"))
        found |= {"tokens": len(tokenizer), "tokens_kept": size, "rows": len(gold["test"])}
        found |= {f"bytes_{each}": (folder / file).stat().st_size for each, file in FILES.items()}
        figures = {name: round(value, 6) for name, value in found.items()}
        architecture = trained.config.model_type.removeprefix("graft-")
        card = render_card(model, kind, architecture, labels, figures, params.export.accuracy)
        write_text(folder / "README.md", card)
        write_json(metrics, figures)
    print(
        f"export@{model}: {figures['bytes_fp32'] / 1e6:.1f} MB, int8 {figures['bytes_int8'] / 1e6:.1f} MB; macro-F1 "
        f"{figures['macro_f1_pytorch']:.4f}, fp32 {figures['macro_f1_fp32']:.4f}, int8 {figures['macro_f1_int8']:.4f}"
    )


def _where(model: str, params: Params) -> tuple[Path, Path, str]:
    """The model's folder, that of its tokens, and what it is."""
    if model.startswith("teacher/"):
        name = model.removeprefix("teacher/")
        tokenizer = params.section("teachers", name).tokenizer
        return Path("models/teacher") / name, Path("data/tokenized") / tokenizer, "Fine-tuned"
    tokenizer = params.section("students", model).tokenizer
    return Path("models/students") / model, Path("data/tokenized") / tokenizer, "Distilled"


def _calibrate(logits: dict[str, np.ndarray], gold: dict[str, np.ndarray], config: ExportConfig) -> dict[str, float]:
    """Temperature and threshold from validation, and what they do on test."""
    temperature = fit_temperature(logits["validation"], gold["validation"])
    threshold = confidence_threshold(softmax(logits["validation"] / temperature), gold["validation"], config.accuracy)
    calibrated = softmax(logits["test"] / temperature)
    sure = calibrated.max(axis=1) >= threshold
    right = calibrated.argmax(axis=1) == gold["test"]
    return {
        "temperature": temperature,
        "threshold": threshold,
        "coverage": float(sure.mean()),
        "accuracy_sure": float(right[sure].mean()) if sure.any() else 0.0,
        "ece": expected_calibration_error(softmax(logits["test"]), gold["test"]),
        "ece_calibrated": expected_calibration_error(calibrated, gold["test"]),
    }


def _check(folder: Path, reference: np.ndarray, gold: np.ndarray, texts: pd.DataFrame) -> dict[str, float]:
    """Read the test texts with both files as a user of the folder does."""
    exported = {}
    for precision in FILES:
        classifier = Classifier(folder, precision)
        exported[precision] = classifier.logits(classifier.encode(texts["text"].tolist()))
    return export_figures(reference, exported, gold)


if __name__ == "__main__":
    run(main)
