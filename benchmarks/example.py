"""``python -m benchmarks.example FILE``: rows a second of fine-tuning and of reading, beside transformers' own example.

FILE is ``examples/pytorch/text-classification/run_classification.py`` of transformers' source. Both fine-tune the first
pretrained model of params.yaml on the same labelled texts, with the same batch, epochs, rate and longest text, and read
the same ``--texts`` of the transfer set; each in a process of its own, on a GPU if there is one. The example stands
once as it comes (every text padded to the longest allowed, 32-bit numbers) and once with the options that make it fast:
bf16 where the machine has it, padding to the longest of a batch, batches of texts of like length. Graft stands as
``dvc repro`` runs it and, on a GPU, also in tf32 and not deterministic, and compiled where asked.

The clock runs from the twentieth step on and stops when the device has done the last; loading, tokenizing, looks at
validation and saving are left out of both. ``share`` is of the rate at which
this device multiplies large matrices, measured in the same run, in bf16 where the machine has it: the model's own
multiplications (padding left out), three times as many in training as in reading, by the time.
Macro-F1 on test is there to see that the work was the same.

Needs what ``dvc repro tokenize@NAME fetch_model@NAME`` makes.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.distillation import check_task
from benchmarks.strategies import describe
from benchmarks.tables import markdown_table, ratio
from pipeline.artifacts import read_json, read_parquet, required, write_json
from pipeline.errors import GraftError
from pipeline.params import Params, load_params
from pipeline.report.numbers import NOTHING, count, percent, score
from pipeline.training.machine import use_bf16

PREPARED = Path("data/prepared")
WARM_UP = 20


@dataclass(frozen=True)
class Side:
    """One process: Graft, or the example where ``script`` names it, with ``options`` for its command line.

    ``precision`` stands in the place of finetune's in Graft's.
    """

    title: str
    script: str | None = None
    options: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    precision: str | None = None


@dataclass(frozen=True)
class Job:
    """What a worker does, written as JSON for its process; ``texts`` of the transfer set are read after training."""

    side: dict[str, Any]
    folder: str
    pretrained: str
    tokens: str
    finetune: dict[str, Any]
    seed: int
    texts: int
    batch_tokens: int
    max_length: int


def main() -> None:
    """Read the command line, run each side, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.example", description="Beside transformers' example.")
    parser.add_argument("script", type=Path, metavar="FILE", help="transformers' run_classification.py")
    parser.add_argument("--batch", default="32", metavar="N,N", help="texts a step; one table each; 32 without it")
    parser.add_argument("--texts", type=int, default=20000, metavar="N", help="read after training; 20000 without it")
    parser.add_argument("--epochs", type=float, metavar="N", help="finetune's own without it")
    parser.add_argument("--batch-tokens", type=int, metavar="N", help="read at once; teach's own without it")
    parser.add_argument("--compiled", action="store_true", help="with Graft compiled as well, which takes a minute")
    options = parser.parse_args()
    try:
        required(options.script)
        params = load_params()
        check_task(params)
        told = {"epochs": options.epochs} if options.epochs else {}
        rate = matrix_rate()
        for batch in map(int, options.batch.split(",")):
            finetune = params.finetune.model_dump() | told | {"batch_size": batch}
            found = []
            with TemporaryDirectory(prefix="graft-") as folder:
                for number, side in enumerate(sides(options.script, options.compiled)):
                    place = Path(folder) / str(number)
                    tokens = options.batch_tokens or params.teach.batch_tokens
                    found.append((side.title, run_side(plan(side, place, params, finetune, options.texts, tokens))))
            print(f"{describe()}: batch {batch}, {finetune['epochs']:g} epochs, {rate / 1e12:.1f} TFLOP/s\n")
            print(build_table(found, rate), flush=True)
    except GraftError as error:
        sys.exit(f"graft: example: {error}")


def sides(script: Path, compiled: bool) -> list[Side]:
    """The example as it comes and at its fastest; Graft as it comes and, on a GPU, in its faster modes."""
    fast = ["--pad_to_max_length", "False", "--train_sampling_strategy", "group_by_length"]
    if use_bf16("auto"):
        fast += ["--bf16", "--bf16_full_eval"]
    found = [
        Side("example, as it comes", str(script.resolve())),
        Side("example, at its fastest", str(script.resolve()), fast),
        Side("Graft"),
    ]
    loose = {"GRAFT_DETERMINISTIC": "0"}
    if torch.cuda.is_available():
        found.append(Side("Graft, tf32", precision="tf32"))
        found.append(Side("Graft, not deterministic", environment=loose))
        found.append(Side("Graft, tf32, not deterministic", environment=loose, precision="tf32"))
    if compiled:
        built = {"ACCELERATE_DYNAMO_BACKEND": "inductor", "ACCELERATE_DYNAMO_USE_DYNAMIC": "true"}
        found.append(Side("Graft, compiled", environment=loose | built))
    return found


def plan(
    side: Side, folder: Path, params: Params, finetune: dict[str, Any], texts: int, batch_tokens: int
) -> tuple[Side, Job]:
    """The job of ``side``, and for the example the files that it reads."""
    teacher = next(iter(params.teachers.values()))
    tokens = Path("data/tokenized") / teacher.tokenizer
    pretrained = required(Path("models/pretrained") / teacher.pretrained)
    longest = params.tokenizers[teacher.tokenizer].max_length
    folder.mkdir(parents=True)
    for split in ("train", "validation", "test") if side.script else ():
        frame = read_parquet(PREPARED / f"{split}.parquet")[["text", "label"]]
        if split == "test":
            # Its answers to these come first in its file; the others are read for their time.
            more = read_parquet(PREPARED / "transfer.parquet")["text"].head(texts)
            rows = [*frame["text"], *more]
            frame = frame.reindex(range(len(rows))).assign(text=rows, label=frame["label"].iloc[0])
        frame.to_json(folder / f"{split}.json", orient="records", lines=True, force_ascii=False)
    told = finetune | ({"precision": side.precision} if side.precision else {})
    job = Job(asdict(side), str(folder), str(pretrained), str(tokens), told, teacher.seed, texts, batch_tokens, longest)
    return side, job


def run_side(planned: tuple[Side, Job]) -> dict[str, Any]:
    """Run a worker; return what it found: rows a second, multiplications a second, macro-F1, memory."""
    side, job = planned
    folder = Path(job.folder)
    write_json(folder / "job.json", asdict(job))
    offline = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    log = folder / "log"
    with log.open("wb") as stream:
        command = [sys.executable, "-m", "benchmarks.example_worker", str(folder / "job.json")]
        environment = os.environ | offline | side.environment
        done = subprocess.run(command, env=environment, stdout=stream, stderr=stream, check=False)
    if done.returncode:
        end = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise GraftError(f"{side.title} ended with status {done.returncode}: {' '.join(end)}")
    found: dict[str, Any] = read_json(folder / "found.json")
    print(f"{side.title}: {found['finetune']['rows']:,.0f} rows/s, {found['read']['rows']:,.0f} read", file=sys.stderr)
    return found


def build_table(found: Sequence[tuple[str, dict[str, Any]]], rate: float) -> str:
    """One line a side; the ratio is to the example at its fastest."""
    fastest = dict(found).get("example, at its fastest", {})
    lines = []
    for title, each in found:
        figures = []
        for work in ("finetune", "read"):
            rows = each[work]["rows"]
            beside = ratio(rows / fastest[work]["rows"]) if fastest else NOTHING
            figures += [count(round(rows)), beside, percent(each[work]["flops"] / rate, 1)]
        lines.append([title, *figures, score(each["macro_f1"])])
    headings = ["", "fine-tuning, rows/s", "ratio", "share", "reading, rows/s", "ratio", "share", "macro-F1"]
    return markdown_table(headings, lines)


def matrix_rate() -> float:
    """Floating-point operations a second of a product of large square matrices."""
    cuda = torch.cuda.is_available()
    size = 8192 if cuda else 1024
    kind = torch.bfloat16 if use_bf16("auto") else torch.float32
    one = torch.randn(size, size, device="cuda" if cuda else "cpu", dtype=kind)
    for _ in range(3):
        one @ one
    synchronize()
    began, products = time.perf_counter(), 10
    for _ in range(products):
        one @ one
    synchronize()
    return products * 2 * size**3 / (time.perf_counter() - began)


def synchronize() -> None:
    """Wait until the device has done what it was asked."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
