"""Broken files by the thousand through ``prepare`` and ``predict``: every row is kept or refused for a named reason.

    python -m benchmarks.fuzz --inputs 10000

An input is a file of ``benchmarks/broken.py``. Tables go through the stages ``fetch`` and ``prepare``, texts without
labels through ``prepare`` too, lines through ``predict`` with a small untrained student, and tables of both kinds
through it as well, into another table. A file ends in one of three ways: its rows are kept or counted as refused, as
many as it has; or the file is refused, with one line; or, and then the command ends with status 1, something went
wrong: a traceback, a row that is lost, a message of several lines.
"""

import argparse
import codecs
import contextlib
import csv
import faulthandler
import io
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import pandas as pd
import pyarrow.parquet as pq
from tqdm.auto import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from benchmarks.broken import Broken, make_broken
from benchmarks.tables import markdown_table, seconds
from pipeline.artifacts import read_json, read_parquet
from pipeline.errors import GraftError
from pipeline.models.registry import student
from pipeline.params import Params, load_params
from pipeline.prediction.answers import Shape
from pipeline.prediction.formats import TABLES, open_sink, open_source
from pipeline.prediction.reading import read_file
from pipeline.prediction.run import answer_rows
from pipeline.prediction.trained import TrainedClassifier
from pipeline.settings.data import FileData
from pipeline.stages import fetch, prepare
from pipeline.text.cleaning import normalise
from pipeline.text.lines import open_binary
from pipeline.text.policy import Policy
from pipeline.tokens.training import train_tokenizer

MESSAGE = 1000
LABELS = ["good", "bad"]
GOOD = "".join(f"a fine sentence number {row},{LABELS[row % 2]}\n" for row in range(24))


class MistreatedError(Exception):
    """An input that was not treated as it must be."""


@dataclass
class Tally:
    """What became of the inputs."""

    inputs: int = 0
    rows: int = 0
    kept: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    files_refused: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, 0)

    def add(self, rows: int, refused: dict[str, int]) -> None:
        """Count the rows of a file that was read."""
        self.rows += rows
        self.kept += rows - sum(refused.values())
        self.refused.update(refused)


class Fuzzer:
    """Runs inputs in a folder of its own, which must be the current one."""

    def __init__(self, params: Params, seed: int) -> None:
        self.params = params.model_copy(update={"prepare": params.prepare.model_copy(update={"min_rows_per_label": 4})})
        self.seed = seed
        self.tally = Tally()
        self.classifier = TrainedClassifier(*_tiny_model(), Policy.of(params.text.model_dump()))

    def run(self, number: int) -> None:
        """Run input ``number`` and count what became of it."""
        broken = make_broken(self.seed, number)
        began = time.monotonic()
        self.tally.inputs += 1
        try:
            self._read(number, broken, _place(broken))
        except GraftError as error:
            self.tally.files_refused[broken.kind] += 1
            if fault := message_fault(str(error)):
                self._report(number, broken, f"{fault}: {str(error)[:300]!r}")
        except Exception:  # The very thing that is looked for; nothing is hidden by it.
            self._report(number, broken, traceback.format_exc(limit=-6))
        self.tally.slowest = max(self.tally.slowest, (time.monotonic() - began, number))

    def _report(self, number: int, broken: Broken, what: str) -> None:
        self.tally.faults.append(f"input {number} ({broken.kind}{broken.suffix}, {', '.join(broken.faults)}): {what}")

    def _read(self, number: int, broken: Broken, path: Path) -> None:
        if broken.kind != "lines":
            # Read as UTF-8, a file in another encoding may have any number of rows.
            known = None if "encoding" in broken.settings else broken.rows
            classify_table(self.classifier, path, Path(f"output{TABLES[number // 3 % len(TABLES)]}"), known)
        if broken.kind == "lines":
            rows, refused = classify_lines(self.classifier, path)
        elif broken.kind == "table":
            data = FileData(**{"source": "file", "path": str(path), "text": "text", "label": "label"} | broken.settings)
            rows, refused = run_stages(self.params.model_copy(update={"data": data}), "labelled")
        else:
            unlabelled = self.params.transfer_set.model_copy(update={"path": str(path)} | broken.settings)
            rows, refused = run_stages(self.params.model_copy(update={"transfer_set": unlabelled}), "unlabelled")
        if broken.rows is not None and rows != broken.rows:
            raise MistreatedError(f"{broken.rows} rows were written, {rows} are accounted for")
        self.tally.add(rows, refused)


def message_fault(message: str) -> str:
    """Say what is wrong with a message for the user: "" if it is one short line that can be printed."""
    if len(message) > MESSAGE:
        return f"a message of {len(message)} characters"
    return "" if message.isprintable() else "a message that is no plain line"


def run_stages(params: Params, which: str) -> tuple[int, dict[str, int]]:
    """Run ``fetch`` and ``prepare``; return the rows of the labelled table or of the others, and those refused."""
    with (
        mock.patch.object(fetch, "read_sections", return_value=params),
        mock.patch.object(prepare, "read_sections", return_value=params),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        fetch.main()
        prepare.main()
    summary = read_json(prepare.PREPARED / "summary.json")
    counted = summary if which == "labelled" else summary["transfer_set"]["unlabelled"]
    if counted["rows_in"] != counted["rows_kept"] + sum(counted["refused"].values()):
        raise MistreatedError(f"{counted['rows_in']} rows came in: {counted}")
    transfer = read_parquet(prepare.PREPARED / "transfer.parquet")
    splits = pd.concat([read_parquet(prepare.PREPARED / f"{name}.parquet") for name in ("train", "validation", "test")])
    found = len(splits) if which == "labelled" else int(transfer["id"].str.startswith("unlabelled/").sum())
    if found != counted["rows_kept"]:
        raise MistreatedError(f"{counted['rows_kept']} rows are said to be kept, {found} lie in the tables")
    texts = splits["text"].tolist() + transfer["text"][~transfer["id"].str.contains("#")].tolist()
    policy = Policy.of(params.text.model_dump())
    if any(not text or text != normalise(text, policy) for text in texts) or splits["id"].duplicated().any():
        raise MistreatedError("a kept text is not clean, or two rows share an id")
    return counted["rows_in"], counted["refused"]


def classify_lines(classifier: TrainedClassifier, path: Path) -> tuple[int, dict[str, int]]:
    """Classify the lines of a file as ``predict`` does; return how many there are, and those refused."""
    answers = list(classifier.classify(read_file(path)))
    with open_binary(path) as stream:
        expected = count_lines(stream.read())
    if len(answers) != expected:
        raise MistreatedError(f"{expected} lines, {len(answers)} answers")
    for answer in answers:
        json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
    if any(answer.get("label") not in LABELS for answer in answers if "refused" not in answer):
        raise MistreatedError("an answer holds neither a label nor a reason")
    return len(answers), Counter(answer["refused"] for answer in answers if "refused" in answer)


def classify_table(classifier: TrainedClassifier, path: Path, target: Path, rows: int | None) -> None:
    """Classify a file into a table, as ``predict`` does; nothing is left of one that cannot be read to its end."""
    target.unlink(missing_ok=True)
    try:
        source = open_source(path, "text")
        with open_sink(target, source, Shape(classifier.task, classifier.labels, sure=False, prefix="new_")) as sink:
            answered = answer_rows(classifier, source, sink, 4096).rows
    except GraftError as error:
        if fault := message_fault(str(error)):
            raise MistreatedError(f"{fault}: {str(error)[:300]!r}") from None
        if target.exists() or list(Path().glob(".partial-*")):
            raise MistreatedError(f"a table is left of what could not be read: {error}") from None
        return
    found = sum(1 for _ in _read_back(target))
    if found != answered or (rows is not None and rows != answered):
        raise MistreatedError(f"{rows} rows were written, {answered} were answered, {found} are in {target}")


def _read_back(path: Path) -> Iterator[object]:
    """The rows of a table that ``predict`` wrote, read by others."""
    if path.suffix == ".parquet":
        # Whole, but not as text: what is no UTF-8 in the input is none here.
        yield from range(pq.read_table(path).num_rows)
        return
    with open_binary(path) as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="") as stream:
        if ".jsonl" in path.suffixes:
            yield from map(json.loads, stream)
        else:
            csv.field_size_limit(sys.maxsize)
            yield from csv.DictReader(stream, delimiter="\t" if ".tsv" in path.suffixes else ",", strict=True)


def count_lines(content: bytes) -> int:
    r"""Count lines that end in \n, \r\n or \r; what follows the last end is one more."""
    parts = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return len(parts) - (not parts[-1] or parts == [codecs.BOM_UTF8])


def _place(broken: Broken) -> Path:
    """Write the input to a path that held nothing."""
    shutil.rmtree("input", ignore_errors=True)
    path = Path("input") / f"texts{broken.suffix}"
    path.parent.mkdir()
    if broken.content is None:
        path.mkdir()
        (path / f"train{broken.suffix}").mkdir()
    else:
        path.write_bytes(broken.content)
    return path


def _tiny_model() -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    tokenizer = train_tokenizer(["abcdefghijklmnopqrstuvwxyz 0123456789"] * 2, "characters", 100, lowercase=True)
    tokenizer.model_max_length = 32
    return student("static", {"embedding_size": 8, "hidden_size": 8}, tokenizer, LABELS).eval(), tokenizer


@contextlib.contextmanager
def workshop() -> Iterator[Params]:
    """Enter a temporary folder with a good table in it; yield settings that read that and no texts without labels."""
    params = load_params()
    data = FileData(source="file", path="good.csv", text="text", label="label")
    transfer_set = params.transfer_set.model_copy(update={"path": "nothing", "copies": 1})
    with tempfile.TemporaryDirectory(prefix="graft-fuzz-") as folder, contextlib.chdir(folder):
        Path("good.csv").write_text(f"text,label\n{GOOD}", encoding="utf-8")
        Path("nothing").mkdir()
        yield params.model_copy(update={"data": data, "transfer_set": transfer_set})


def fuzz(inputs: int, seed: int, first: int = 0) -> Tally:
    """Run ``inputs`` files of the corpus ``seed``, from number ``first`` on."""
    with workshop() as params:
        fuzzer = Fuzzer(params, seed)
        for number in tqdm(range(first, first + inputs), unit="input", mininterval=10.0, disable=None):
            fuzzer.run(number)
    return fuzzer.tally


def render(tally: Tally) -> str:
    """Say what became of the inputs: a line, and a table of the reasons."""
    files = ", ".join(f"{kind} {count:,}" for kind, count in sorted(tally.files_refused.items())) or "none"
    refused = sum(tally.refused.values())
    time_taken, number = tally.slowest
    lines = [
        f"{tally.inputs:,} inputs; files refused with one line: {sum(tally.files_refused.values()):,} ({files})",
        f"{tally.rows:,} rows in the files that were read: {tally.kept:,} kept, {refused:,} refused",
        f"tracebacks, lost rows and other faults: {len(tally.faults)}; slowest input: {number}, {seconds(time_taken)}",
    ]
    table = markdown_table(["reason", "rows"], [[reason, f"{rows:,}"] for reason, rows in tally.refused.most_common()])
    return "\n".join([*lines, "", table])


def main() -> None:
    """Run the command line; status 1 if an input was not treated as it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000, help="how many files (10000)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other files (0)")
    parser.add_argument("--first", type=int, default=0, help="number of the first file (0), to run one again")
    options = parser.parse_args()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # A crash of the process itself would hide in native code; so it at least says where.
    faulthandler.enable()
    tally = fuzz(options.inputs, options.seed, options.first)
    for fault in tally.faults[:20]:
        print(fault, file=sys.stderr)
    print(render(tally))
    sys.exit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()
