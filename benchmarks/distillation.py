"""One distillation as both sides of ``benchmarks.textbrewer`` do it: the same inputs, student and judge."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from pipeline.artifacts import read_json, read_parquet
from pipeline.errors import GraftError
from pipeline.evaluation.metrics import MacroF1
from pipeline.models.registry import load_model, student
from pipeline.params import Params
from pipeline.settings.students import BudgetConfig
from pipeline.tokens.batches import BatchCollator, TokenDataset
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.tokens.table import TokenTable, read_tokens, slice_rows
from pipeline.training.machine import seed_everything
from pipeline.training.prediction import predict
from pipeline.training.sampling import BatchShufflingSampler


@dataclass(frozen=True)
class Job:
    """What a worker does; written as JSON for its process.

    ``texts`` is a multiple of the batch size, so that both sides count the same steps an epoch. ``cached`` is for
    TextBrewer, ``signals`` for Graft; ``target`` is the student's folder.
    """

    teacher: str
    tokens: str
    texts: int
    epochs: int
    architecture: str
    config: dict[str, Any]
    budget: dict[str, Any]
    batch_tokens: int
    cached: bool
    signals: str
    target: str

    @property
    def settings(self) -> BudgetConfig:
        """Batch size, learning rate and the rest of params.yaml's budget, with ``epochs`` for its steps."""
        epoch = self.texts // self.budget["batch_size"]
        return BudgetConfig(**{**self.budget, "steps": epoch * self.epochs, "evaluations": self.epochs})


def check_task(params: Params) -> None:
    """Raise GraftError unless params.yaml asks for one label of single texts, which is what others are compared on."""
    if params.data.task != "single_label" or params.data.is_pair:
        found = f"{params.data.task} of {'pairs' if params.data.is_pair else 'single texts'}"
        raise GraftError(f"this benchmark is for one label of single texts, and params.yaml asks for {found}")


@dataclass(frozen=True)
class Inputs:
    """The texts to learn from, without labels, those that choose the checkpoint, the tokenizer and the labels."""

    texts: TokenTable
    validation: TokenTable
    tokenizer: PreTrainedTokenizerFast
    labels: list[str]


def load_inputs(job: Job) -> Inputs:
    """Read the first texts of the transfer set, which are the training texts, and the validation split."""
    tokens = Path(job.tokens)
    return Inputs(
        texts=slice_rows(read_tokens(tokens / "transfer.arrow"), np.arange(job.texts)),
        validation=read_tokens(tokens / "validation.arrow"),
        tokenizer=load_tokenizer(tokens / "tokenizer"),
        labels=read_json(Path("data/prepared/labels.json"))["labels"],
    )


def build_student(job: Job, inputs: Inputs) -> PreTrainedModel:
    """Return the student with random weights, the same for every worker."""
    seed_everything(job.settings.seed)
    return student(job.architecture, job.config, inputs.tokenizer, inputs.labels)


def training_batches(inputs: Inputs, batch_size: int) -> DataLoader:
    """Graft's own batches for another trainer: texts of like length, padded to the longest, in random order."""
    dataset = TokenDataset(inputs.texts)
    return DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=BatchShufflingSampler(batch_size, dataset=dataset, lengths=dataset.lengths),
        collate_fn=BatchCollator(inputs.tokenizer.pad_token_id),
    )


def score_student(folder: Path) -> float:
    """Macro-F1 on the test split of the student in ``folder``, from the texts, in full precision."""
    test = read_parquet(Path("data/prepared/test.parquet"))
    labels = read_json(Path("data/prepared/labels.json"))["labels"]
    tokenizer = load_tokenizer(folder)
    table, _ = encode(tokenizer, test["id"].tolist(), test["text"].tolist(), tokenizer.model_max_length)
    logits, _ = predict(load_model(folder), table, tokenizer.pad_token_id, 16384, "fp32", title=None)
    references = test["label"].map({name: at for at, name in enumerate(labels)})
    figures = MacroF1(len(labels)).compute(predictions=logits.argmax(axis=1), references=references.to_numpy())
    assert figures is not None
    return float(figures["macro_f1"])
