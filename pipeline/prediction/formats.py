"""Which format a file has, by the end of its name; an output is written whole or not at all."""

import gzip
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

from pipeline.deployment.runtime import pairs_of
from pipeline.disk import reason_of
from pipeline.errors import GraftError
from pipeline.prediction.answers import Shape
from pipeline.prediction.json_lines import JsonSink, JsonSource
from pipeline.prediction.reading import read_file
from pipeline.prediction.rows import Sink, Source, Texts
from pipeline.prediction.separated import SeparatedSink, SeparatedSource

TABLES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".jsonl", ".jsonl.gz", ".parquet")
DELIMITERS = {".csv": ",", ".tsv": "\t"}


def is_table(path: Path) -> bool:
    """Say whether a file holds a table; anything else has to be lines."""
    return path.name.endswith(TABLES)


def open_source(path: Path, column: str, column_pair: str | None = None) -> Source:
    """Open a file to read its texts: the lines, or the ``column`` of a table.

    With ``column_pair`` its pairs: a tab parts them in lines, in a table that column holds the second texts.
    """
    columns = [column] if column_pair is None else [column, column_pair]
    kind = Path(path.name.removesuffix(".gz")).suffix
    if kind == ".parquet" and is_table(path):
        from pipeline.prediction.parquet import ParquetSource

        return ParquetSource(path, columns)
    if kind in DELIMITERS:
        return SeparatedSource(path, columns, DELIMITERS[kind])
    if kind == ".jsonl":
        return JsonSource(path, columns)
    # Without an end there is none to go by: `<(command)` and /dev/stdin are lines.
    if kind not in ("", ".txt"):
        raise GraftError(f"{path} is of no format that is read; .txt, .txt.gz, {', '.join(TABLES)}")
    if column_pair is not None:
        return Texts(pairs_of(read_file(path), given=False), str(path), pairs=True)
    return Texts(read_file(path), str(path))


def check_output(target: Path, source: Path | None, force: bool) -> None:
    """GraftError if ``target`` is of no format that is written, is the input, is there already or cannot be."""
    if not is_table(target):
        raise GraftError(f"{target} is of no format that is written; {', '.join(TABLES)}")
    try:
        if not target.exists():
            return
        is_input = source is not None and source.exists() and target.samefile(source)
    except OSError as error:
        raise _unwritten(target, error) from None
    if is_input:
        raise GraftError(f"{target} is the input; write to another file")
    if target.is_dir():
        raise GraftError(f"{target} is a folder; name a file in it")
    if not force:
        raise GraftError(f"{target} is there already; --force replaces it")


@contextmanager
def open_sink(target: Path, source: Source, shape: Shape) -> Iterator[Sink]:
    """Yield what writes to ``target``, which appears when the block is done, and not if it fails."""
    partial = target.with_name(f".partial-{os.getpid()}-{target.name}")
    try:
        with partial.open("xb") as stream, _sink(target.name, stream, source, shape) as sink:
            yield sink
            sink.close()
        os.replace(partial, target)
    except OSError as error:
        raise _unwritten(target, error) from None
    finally:
        # Where it could not even be begun, looking for it fails alike.
        with suppress(OSError):
            partial.unlink()


def _unwritten(target: Path, error: OSError) -> GraftError:
    return GraftError(f"{target} could not be written whole: {reason_of(error) or error.strerror or error}")


@contextmanager
def _sink(name: str, stream: BinaryIO, source: Source, shape: Shape) -> Iterator[Sink]:
    kind = Path(name.removesuffix(".gz")).suffix
    if kind == ".parquet":
        from pipeline.prediction.parquet import ParquetSink

        yield ParquetSink(stream, source, shape)
        return
    # Neither a name nor a time goes into the archive: the same rows are the same bytes.
    packed = gzip.GzipFile("", "wb", 6, stream, mtime=0) if name.endswith(".gz") else nullcontext(stream)
    with packed as raw, io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", newline="\n") as text:
        if kind == ".jsonl":
            yield JsonSink(text, source, shape)
        else:
            yield SeparatedSink(text, source, shape, DELIMITERS[kind])
