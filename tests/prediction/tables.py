"""Tables of every format, written and read by others than ``predict``."""

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.deployment.classifier import Classifier
from pipeline.prediction.answers import Shape
from pipeline.prediction.formats import open_sink, open_source
from pipeline.prediction.run import Tally, answer_rows


def write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a table in the format of the file's name."""
    if path.suffix == ".parquet":
        cells = [list(each) for each in zip(*rows, strict=True)] or [[] for _ in columns]
        pq.write_table(pa.table([pa.array(each, pa.string()) for each in cells], names=list(columns)), path)
        return
    stream = io.StringIO()
    if ".jsonl" in path.suffixes:
        stream.writelines(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows)
    else:
        writer = csv.writer(stream, delimiter="\t" if ".tsv" in path.suffixes else ",", quoting=csv.QUOTE_ALL)
        writer.writerows([columns, *rows])
    content = stream.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def read(path: Path) -> list[dict[str, Any]]:
    """Read a table; cells of .csv and .tsv are text, "" for none."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if ".jsonl" in path.suffixes:
        return [json.loads(line) for line in content.decode().split("\n")[:-1]]
    stream = io.StringIO(content.decode(), newline="")
    return list(csv.DictReader(stream, delimiter="\t" if ".tsv" in path.suffixes else ",", strict=True))


def answer(
    classifier: Classifier, source: Path, target: Path, column: str = "text", prefix: str = "", at_most: int = 4096
) -> Tally:
    """Do what the command does with --input and --output."""
    opened = open_source(source, column)
    with open_sink(target, opened, Shape(classifier.task, classifier.labels, True, prefix)) as sink:
        return answer_rows(classifier, opened, sink, at_most)


def flat(answer: dict[str, Any], labels: Sequence[str]) -> dict[str, Any]:
    """An answer as the columns of a table."""
    shares = answer.get("probabilities", {})
    return {
        "label": answer.get("label"),
        "sure": answer.get("sure"),
        **{f"probability_{label}": shares.get(label) for label in labels},
        "refused": answer.get("refused"),
    }


def as_csv(row: dict[str, Any]) -> dict[str, str]:
    """A row of plain cells as .csv has them."""
    words = {None: "", True: "true", False: "false"}
    return {name: words[cell] if cell is None or isinstance(cell, bool) else str(cell) for name, cell in row.items()}
