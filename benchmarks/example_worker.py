"""``python -m benchmarks.example_worker JOB``: one side of ``benchmarks.example``, in a process of its own."""

import math
import runpy
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from sklearn.metrics import f1_score
from transformers import Trainer
from transformers.trainer_utils import PredictionOutput

from benchmarks.example import PREPARED, WARM_UP, Job, Side, synchronize
from pipeline.artifacts import read_json, read_parquet, write_json
from pipeline.errors import GraftError
from pipeline.models.encoder import load_pretrained_encoder
from pipeline.settings.finetune import FinetuneConfig
from pipeline.task import task_of
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.tokens.table import read_tokens, slice_rows
from pipeline.training.machine import pin_threads, seed_everything
from pipeline.training.prediction import predict
from pipeline.training.trainer import train

# What `evaluate` loads from the Hub by name, as a file.
ACCURACY = """
import datasets
import evaluate


class Accuracy(evaluate.Metric):
    def _info(self):
        kinds = {"predictions": datasets.Value("int32"), "references": datasets.Value("int32")}
        return evaluate.MetricInfo(
            description="", citation="", inputs_description="", features=datasets.Features(kinds)
        )

    def _compute(self, predictions, references):
        return {"accuracy": sum(one == other for one, other in zip(predictions, references)) / len(references)}
"""


class Clock:
    """Seconds from the end of the first ``WARM_UP`` steps to the end of the last, its optimiser's part left out.

    ``read`` is the rows a second of the last ``predict``, as Trainer counts them.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.began = 0.0
        self.seconds = 0.0
        self.read = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch the Trainer that trains and predicts inside the block."""
        step, answer = Trainer.training_step, Trainer.predict

        def training_step(trainer: Trainer, *arguments: Any, **options: Any) -> torch.Tensor:
            if self.steps == WARM_UP:
                synchronize()
                self.began = time.perf_counter()
            loss: torch.Tensor = step(trainer, *arguments, **options)
            self.steps += 1
            if self.steps == trainer.state.max_steps:
                synchronize()
                self.seconds = time.perf_counter() - self.began
            return loss

        def predict(trainer: Trainer, *arguments: Any, **options: Any) -> PredictionOutput:
            output = answer(trainer, *arguments, **options)
            metrics = output.metrics or {}
            self.read = next(value for name, value in metrics.items() if name.endswith("samples_per_second"))
            if trainer.args.train_sampling_strategy == "group_by_length":
                # Trainer then reads what it predicts by length as well and answers in that order, not in the rows'.
                with patch.object(trainer.args, "train_sampling_strategy", "random"):
                    output = answer(trainer, *arguments, **options)
            return output

        with patch.multiple(Trainer, training_step=training_step, predict=predict):
            yield


def main(path: str) -> None:
    """Do the job in ``path``."""
    pin_threads()
    job = Job(**read_json(Path(path)))
    found = run_example(job) if Side(**job.side).script else run_graft(job)
    write_json(Path(job.folder) / "found.json", found)


def run_graft(job: Job) -> dict[str, Any]:
    """Fine-tune and read as stages ``finetune`` and ``teach`` do."""
    config = FinetuneConfig.model_validate(job.finetune)
    tables = {split: read_tokens(Path(job.tokens) / f"{split}.arrow") for split in ("train", "validation", "transfer")}
    tokenizer = load_tokenizer(Path(job.tokens) / "tokenizer")
    pad = tokenizer.pad_token_id
    seed_everything(job.seed)
    task = task_of(read_json(PREPARED / "labels.json"))
    model = load_pretrained_encoder(Path(job.pretrained), task.labels, tokenizer)
    task.describe(model.config)
    clock, steps = Clock(), math.ceil(math.ceil(len(tables["train"]) / config.batch_size) * config.epochs)
    with clock.running():
        trained = train(model, tables, pad, config, steps, 1, job.seed)
    test = read_parquet(PREPARED / "test.parquet")
    table, _ = encode(tokenizer, test["id"].tolist(), test["text"].tolist(), job.max_length)
    logits, _ = predict(trained.model, table, pad, job.batch_tokens, config.precision, None)
    transfer = slice_rows(tables["transfer"], np.arange(min(job.texts, len(tables["transfer"]))))
    synchronize()
    began = time.perf_counter()
    predict(trained.model, transfer, pad, job.batch_tokens, config.precision, None)
    seconds = time.perf_counter() - began
    figures = {
        "finetune": clock_figures(clock, tables["train"].lengths, config.batch_size, model.config.encoder),
        "read": rates(transfer.lengths, seconds, 1, model.config.encoder),
    }
    said = [task.labels[each] for each in logits.argmax(axis=1)]
    return figures | {"macro_f1": f1_score(test["label"], said, average="macro")}


def run_example(job: Job) -> dict[str, Any]:
    """Run the example's file as its command line does, and read what it leaves."""
    folder, config = Path(job.folder), FinetuneConfig.model_validate(job.finetune)
    (folder / "accuracy.py").write_text(ACCURACY, encoding="utf-8")
    side = Side(**job.side)
    # No checkpoint is kept: neither side's clock is to hold any.
    options = {
        "model_name_or_path": job.pretrained,
        "train_file": str(folder / "train.json"),
        "validation_file": str(folder / "validation.json"),
        "test_file": str(folder / "test.json"),
        "text_column_names": "text",
        "metric_name": str(folder / "accuracy.py"),
        "max_seq_length": str(job.max_length),
        "cache_dir": str(folder / "cache"),
        "per_device_train_batch_size": str(config.batch_size),
        "per_device_eval_batch_size": "128",
        "num_train_epochs": str(config.epochs),
        "learning_rate": str(config.learning_rate),
        "weight_decay": str(config.weight_decay),
        "warmup_steps": str(config.warmup),
        "seed": str(job.seed),
        "output_dir": str(folder / "out"),
        "save_strategy": "no",
        "report_to": "none",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    if not torch.cuda.is_available():
        words.append("--use_cpu")
    assert side.script is not None
    sys.argv = [side.script, *words, "--do_train", "--do_eval", "--do_predict", *side.options]
    clock = Clock()
    with clock.running():
        runpy.run_path(side.script, run_name="__main__")
    test = read_parquet(PREPARED / "test.parquet")
    lines = (folder / "out" / "predict_results.txt").read_text(encoding="utf-8").splitlines()[1:]
    said = [line.split("\t")[1] for line in lines[: len(test)]]
    tables = {split: read_tokens(Path(job.tokens) / f"{split}.arrow").lengths for split in ("train", "transfer")}
    shape = read_json(Path(job.pretrained) / "config.json")
    return {
        "finetune": clock_figures(clock, tables["train"], config.batch_size, shape),
        # The test texts among those read are taken to be as long as the others.
        "read": read_figures(clock.read, tables["transfer"][: job.texts], shape),
        "macro_f1": f1_score(test["label"], said, average="macro"),
    }


def clock_figures(clock: Clock, lengths: np.ndarray, batch: int, shape: dict[str, Any]) -> dict[str, float]:
    """Rows and operations a second of the counted steps, whose texts are as long as the others.

    Raises GraftError if the warm-up has left none to count.
    """
    if clock.steps <= WARM_UP:
        raise GraftError(f"{clock.steps} steps are no more than the {WARM_UP} of the warm-up; raise --epochs")
    rows = (clock.steps - WARM_UP) * batch
    found = rates(lengths, clock.seconds, 3, shape)
    return {name: value / len(lengths) * rows for name, value in found.items()}


def read_figures(rows: float, lengths: np.ndarray, shape: dict[str, Any]) -> dict[str, float]:
    """``rows`` a second and operations a second of reading texts of these ``lengths``, however many there are."""
    return rates(lengths, len(lengths) / rows, 1, shape)


def rates(lengths: np.ndarray, seconds: float, passes: int, shape: dict[str, Any]) -> dict[str, float]:
    """Rows a second and the encoder's multiplications and additions a second, of texts of these ``lengths``.

    A layer multiplies each token by its attention's four matrices and by the two of its feed-forward part, and each
    token with every other twice; Kaplan et al. 2020, "Scaling Laws for Neural Language Models", table 1.
    """
    width, inner, layers = (shape[key] for key in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    tokens = lengths.astype(np.float64)
    flops = 2 * layers * (tokens * (4 * width**2 + 2 * width * inner) + 2 * tokens**2 * width)
    return {"rows": len(lengths) / seconds, "flops": passes * float(flops.sum()) / seconds}


if __name__ == "__main__":
    main(*sys.argv[1:])
