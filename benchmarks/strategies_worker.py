"""``python -m benchmarks.strategies_worker JOB``: a teacher tuned in its way, in a process of its own."""

import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from benchmarks.strategies import Job
from pipeline.artifacts import read_json, read_parquet, write_json
from pipeline.evaluation.measures import measure_of
from pipeline.models.encoder import load_pretrained_encoder
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.settings.finetune import FinetuneConfig
from pipeline.settings.teachers import TeacherConfig
from pipeline.speed.worker import peak_memory
from pipeline.task import task_of, task_of_model
from pipeline.text.pairs import texts_in
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.tokens.table import TokenTable, read_tokens, slice_rows
from pipeline.training.machine import pin_threads, seed_everything
from pipeline.training.prediction import predict
from pipeline.training.trainer import train


def main(path: str) -> None:
    """Do the job in ``path``."""
    pin_threads()
    job = Job(**read_json(Path(path)))
    teacher = TeacherConfig.model_validate(job.teacher)
    config = teacher.tuning.applied_to(FinetuneConfig.model_validate(job.finetune))
    evaluate = EvaluateConfig.model_validate(job.evaluate)
    tokens = Path("data/tokenized") / teacher.tokenizer
    tables = {split: read_tokens(tokens / f"{split}.arrow") for split in ("train", "validation")}
    if job.texts is not None:
        tables["train"] = draw_texts(tables["train"], job.texts, teacher.seed)
    tokenizer = load_tokenizer(tokens / "tokenizer")
    task = task_of(read_json(Path("data/prepared/labels.json")))
    seed_everything(teacher.seed)
    pretrained = Path("models/pretrained") / teacher.pretrained
    tuning = teacher.tuning
    model = load_pretrained_encoder(pretrained, task.labels, tokenizer, changes=teacher.config, pooling=tuning.pooling)
    task.describe(model.config)
    steps = math.ceil(math.ceil(len(tables["train"]) / config.batch_size) * config.epochs)
    pad = tokenizer.pad_token_id
    began = time.monotonic()
    trained = train(model, tables, pad, config, steps, config.evaluations, teacher.seed, tuning=tuning)
    taken, memory = time.monotonic() - began, most_memory()
    test = read_parquet(Path("data/prepared/test.parquet"))
    table, _ = encode(tokenizer, test["id"].tolist(), texts_in(test), tokenizer.model_max_length)
    references = task.targets(test["label"])
    assert tables["validation"].labels is not None
    result = {
        "validation": measure(trained.model, tables["validation"], tables["validation"].labels, pad, evaluate),
        "test": measure(trained.model, table, references, pad, evaluate),
        "seconds": taken,
        "memory": memory,
        "trained_parameters": trained.summary.get("trained_parameters", trained.summary["parameters"]),
        "steps": trained.summary["steps"],
        "best_step": trained.summary["best_step"],
    }
    write_json(Path(job.result), result)


def most_memory() -> int:
    """The most bytes that tensors took on the GPU, or without one this process."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else int(peak_memory()["bytes"])


def draw_texts(table: TokenTable, texts: int, seed: int) -> TokenTable:
    """Return so many rows of ``table``, drawn at random, in its order; all of a smaller one."""
    drawn = np.random.default_rng(seed).permutation(len(table))[:texts]
    return slice_rows(table, np.sort(drawn))


def measure(
    model: PreTrainedModel, table: TokenTable, targets: np.ndarray, pad: int, config: EvaluateConfig
) -> list[float]:
    """What the task is measured by, of ``model`` on ``table`` in full precision, and its interval."""
    logits, _ = predict(model, table, pad, config.batch_tokens, "fp32", title=None)
    task = task_of_model(model.config)
    measure = measure_of(task)
    said = measure.decide(task.answers(logits))
    return [measure.score(targets, said), *measure.interval(targets, said, config)]


if __name__ == "__main__":
    main(*sys.argv[1:])
