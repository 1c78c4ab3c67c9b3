"""``python -m benchmarks.architectures``: families of teachers × families of students, each a run on tiny texts.

``--teachers`` and ``--students`` take names, separated by commas; ``--no-export`` leaves out what takes longest.

Printed is the accuracy on held-out texts of two labels, 0.5 by chance, of every student (columns) that learned from
every teacher (rows) alone: from its logits and its sentence vectors, no label in sight, started from it where shapes
allow. A teacher is a tiny checkpoint with random weights, fine-tuned here. A loss that is no number, or an accuracy
that chance reaches once in a hundred times, stands in its cell as such; a family that cannot take part follows with its
reason. The last table has the largest difference of a logit between each student and its ONNX graph.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime
import torch
from scipy.stats import binom
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from benchmarks.tables import markdown_table, text_table
from pipeline.deployment.onnx import export_onnx
from pipeline.errors import GraftError
from pipeline.models.encoder import load_pretrained_encoder
from pipeline.models.registry import student
from pipeline.models.student import StudentModel
from pipeline.settings.optimisation import TrainingConfig
from pipeline.settings.transfer import LossConfig, PhaseConfig
from pipeline.tokens.batches import pad_rows
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.tokens.table import TokenTable
from pipeline.training.machine import seed_everything
from pipeline.training.prediction import predict
from pipeline.training.trainer import train
from pipeline.transfer.layers import copy_layers
from pipeline.transfer.lesson import build_lesson
from pipeline.transfer.teaching import Said, read_shard
from pipeline.transfer.warm_start import token_counts, token_texts, warm_start
from tests.conftest import build_tokenizer
from tests.families import DECODERS, FAMILIES, REFUSED, decoder_tokenizer, write_checkpoint

LABELS = ["bad", "good"]
OWN: dict[str, dict[str, Any]] = {
    "bilstm": {"embedding_size": 16, "hidden_size": 16, "dropout": 0.1},
    "textcnn": {"embedding_size": 16, "filters": 8, "widths": [1, 2], "dropout": 0.1},
    "static": {"embedding_size": 16, "hidden_size": 16, "dropout": 0.1},
}
TRAINED, TESTED, STEPS = 320, 200, 80
# Seed of the texts that choose the checkpoint: those that are held out must not.
CHOOSING = 2
PHASES = [PhaseConfig(losses=[LossConfig(name="logits_mse"), LossConfig(name="representation")])]


@dataclass(frozen=True)
class Texts:
    """Texts and their labels (N,)."""

    texts: list[str]
    labels: np.ndarray

    def encoded(self, tokenizer: PreTrainedTokenizerFast) -> TokenTable:
        """Their tokens."""
        ids = [str(number) for number in range(len(self.texts))]
        return encode(tokenizer, ids, self.texts, 24, self.labels)[0]


@dataclass(frozen=True)
class Teacher:
    """A fine-tuned teacher, its accuracy, and what it says of the training texts and of each of a student's tokens."""

    model: PreTrainedModel
    accuracy: float
    said: Said
    vectors: np.ndarray


def write_texts(seed: int, size: int) -> Texts:
    """Texts in which one word among others tells the label."""
    source = random.Random(seed)
    telling = {"bad": ["bad", "awful", "poor"], "good": ["good", "great", "fine"]}
    filler = ["the", "a", "is", "was", "not", "very", "it", "so", "and", "but", "film", "book", "story", "plot"]
    labels = np.arange(size) % 2
    texts = []
    for label in labels:
        words = [source.choice(filler) for _ in range(source.randint(2, 8))]
        words.insert(source.randrange(len(words) + 1), source.choice(telling[LABELS[label]]))
        texts.append(" ".join(words))
    return Texts(texts, labels.astype(np.int64))


def config(learning_rate: float) -> TrainingConfig:
    """The steps of a training."""
    return TrainingConfig(batch_size=32, learning_rate=learning_rate, precision="fp32", metric="accuracy")


def accuracy(model: PreTrainedModel, texts: Texts, tokenizer: PreTrainedTokenizerFast) -> float:
    """Share of right labels."""
    logits, _ = predict(model, texts.encoded(tokenizer), tokenizer.pad_token_id, 8192, "fp32", None)
    return float((logits.argmax(1) == texts.labels).mean())


def train_teacher(family: str, folder: Path, train_texts: Texts, test_texts: Texts) -> Teacher:
    """Fine-tune a tiny checkpoint of ``family`` and have it read what students are to learn from."""
    write_checkpoint(family, folder)
    # Qwen2's own scheme cuts words into bytes, of which the tiny vocabulary has none.
    tokenizer = decoder_tokenizer() if family in DECODERS else load_tokenizer(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    tokenizer.model_max_length = 24
    seed_everything(1)
    model = load_pretrained_encoder(folder, LABELS, tokenizer)
    tables = {"train": train_texts.encoded(tokenizer), "validation": write_texts(CHOOSING, TESTED).encoded(tokenizer)}
    model = train(model, tables, tokenizer.pad_token_id, config(5e-3), 2 * STEPS, 4, 1).model
    said = read_shard(model, tables["train"], tokenizer.pad_token_id, 8192, "fp32")
    words = token_texts(build_tokenizer())
    alone = encode(tokenizer, words, words, 24)[0]
    vectors = predict(model, alone, tokenizer.pad_token_id, 8192, "fp32", None)[1].astype(np.float32)
    vectors[[not word for word in words]] = 0
    return Teacher(model, accuracy(model, test_texts, tokenizer), said, vectors)


def train_student(
    family: str, teacher: Teacher, train_texts: Texts, test_texts: Texts
) -> tuple[float, PreTrainedModel]:
    """Accuracy of a student that learned from ``teacher``, and the student; GraftError if its loss is no number."""
    tokenizer = build_tokenizer()
    tables = {"train": train_texts.encoded(tokenizer), "validation": write_texts(CHOOSING, TESTED).encoded(tokenizer)}
    seed_everything(2)
    model = new_student(family, tokenizer)
    if isinstance(model, StudentModel):
        warm_start(model, teacher.vectors, token_counts(tables["train"], len(tokenizer)))
    else:
        copy_layers(model, [teacher.model])
    signals = {
        "teacher_logits": teacher.said.logits,
        "teacher_pooled": teacher.said.pooled,
        "gold": np.full(len(train_texts.labels), -1),
    }
    lesson = build_lesson(model, PHASES, signals, STEPS)
    model = train(model, tables, tokenizer.pad_token_id, config(3e-3), STEPS, 2, 2, lesson).model
    return accuracy(model, test_texts, tokenizer), model


def new_student(family: str, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """A student of ``family``, one of ours or a transformers architecture."""
    if family in OWN:
        return student(family, OWN[family], tokenizer, LABELS)
    sizes = FAMILIES[family] if family in FAMILIES else REFUSED[family][0]
    return student("encoder", {"model_type": family, **sizes}, tokenizer, LABELS)


def onnx_difference(model: PreTrainedModel, texts: Texts) -> float:
    """Largest difference of a logit between ``model`` and its ONNX graph."""
    tokenizer = build_tokenizer()
    batch = pad_rows(texts.encoded(tokenizer), np.arange(8), tokenizer.pad_token_id)
    with TemporaryDirectory() as folder, torch.inference_mode():
        path = Path(folder) / "model.onnx"
        export_onnx(model, path)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (found,) = session.run(["logits"], {name: value.numpy() for name, value in batch.items()})
        return float(np.abs(found - model.eval()(**batch).logits.numpy()).max())


def tried(work: Callable[[str], str], family: str) -> str:
    """What ``work`` says of ``family``, or the line that it is refused with."""
    try:
        return work(family)
    except GraftError as error:
        return str(error)


def told(share: float) -> str:
    """An accuracy, marked where chance alone reaches it once in a hundred times."""
    by_chance = float(binom.sf(round(share * TESTED) - 1, TESTED, 0.5))
    return f"{share:.2f}" if by_chance < 0.01 else f"{share:.2f} (chance)"


def matrix(teachers: Sequence[str], students: Sequence[str], folder: Path) -> tuple[list[list[str]], Mapping[str, Any]]:
    """Rows of the table, and of each student's family a model of it."""
    train_texts, test_texts = write_texts(0, TRAINED), write_texts(1, TESTED)
    rows: list[list[str]] = []
    last: dict[str, PreTrainedModel] = {}
    for family in teachers:
        began = time.monotonic()
        teacher = train_teacher(family, folder / family, train_texts, test_texts)

        def cell(name: str, teacher: Teacher = teacher) -> str:
            share, last[name] = train_student(name, teacher, train_texts, test_texts)
            return told(share)

        rows.append([family, told(teacher.accuracy), *(tried(cell, name) for name in students)])
        print(f"{family}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
    return rows, last


def main() -> None:
    """Read the command line, run every cell, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--teachers", default=",".join(FAMILIES))
    parser.add_argument("--students", default=",".join([*OWN, *FAMILIES]))
    parser.add_argument("--no-export", action="store_true")
    words = parser.parse_args()
    teachers, students = words.teachers.split(","), words.students.split(",")
    set_verbosity_error()
    disable_progress_bar()
    with TemporaryDirectory() as folder:
        rows, last = matrix(teachers, students, Path(folder))
    print(markdown_table(["teacher", "itself", *students], rows), end="\n\n")
    refused = [[family, tried(lambda name: str(new_student(name, build_tokenizer())), family)] for family in REFUSED]
    print(text_table(["missing", "why"], refused), end="\n\n")
    if not words.no_export:
        texts = write_texts(1, TESTED)
        exported = [[name, tried(lambda each: f"{onnx_difference(last[each], texts):.1e}", name)] for name in last]
        print(markdown_table(["student", "ONNX"], exported))


if __name__ == "__main__":
    main()
