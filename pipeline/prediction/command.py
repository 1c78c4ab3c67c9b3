"""The command line of ``python -m pipeline.predict``."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.deployment.classifier import CHUNK, FILES, UnreadableError
from pipeline.deployment.runtime import (
    abandon_stdout,
    at_least_one,
    lines_at_once,
    open_stdout,
    pairs_of,
    parse_words,
    texts_of,
)
from pipeline.errors import GraftError
from pipeline.prediction.answers import Shape
from pipeline.prediction.formats import check_output, is_table, open_sink, open_source
from pipeline.prediction.json_lines import JsonSink
from pipeline.prediction.loading import load_classifier, reads_pairs
from pipeline.prediction.rows import Sink, Source, Texts
from pipeline.prediction.run import answer_rows
from pipeline.text.pairs import FIRST, SECOND

REFUSED = 3
STATUS = """exit status:
  0         every row has its answer, be it the reason why it is refused
  1         the model, the input or the output is at fault, and one line on stderr says how; what was printed up to
            there holds, an --output is not written
  2         the command line is wrong
  3         with --strict: all is done as for 0, and a row was refused
  130, 143  ended by Ctrl-C or SIGTERM; an --output is not written
"""


def parse() -> argparse.Namespace:
    """Read the command line; what contradicts itself ends the process with status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.predict",
        description="Classify text; JSON lines or a table out.",
        epilog=STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", type=Path, help="a folder under models/ or exports/, such as exports/static")
    add("texts", nargs="*", metavar="text", help="texts, of a model of pairs two by two; without any, lines of stdin")
    add("--input", type=Path, metavar="FILE", help="a .txt, .csv, .tsv or .jsonl file, also as .gz, or .parquet")
    add("--column", metavar="NAME", help="the column of a table that holds the text (text)")
    add("--column-pair", metavar="NAME", help="that of the second text, where the model reads pairs (text_pair)")
    add("--output", type=Path, metavar="FILE", help="write a .csv, .tsv or .jsonl file, also as .gz, or .parquet")
    add("--force", action="store_true", help="replace the output if it is there already")
    add("--prefix", default="", metavar="WORD", help="begins the names of the new columns: predicted_ for one")
    add("--precision", choices=FILES, help="of an exported model (int8)")
    add("--threads", type=at_least_one, metavar="N", help="to compute in (1; under models/ one a core)")
    add("--chunk", type=at_least_one, metavar="N", help=f"rows read before they are answered ({CHUNK}; 1 as you type)")
    add("--summary", action="store_true", help="say on stderr how many rows there were, as --output does")
    add("--strict", action="store_true", help="end with status 3 if a row was refused")
    options = parse_words(parser, sys.argv[1:])
    if options.texts and options.input is not None:
        parser.error("texts and --input exclude each other; give one of them")
    named = options.column is not None or options.column_pair is not None
    if named and (options.input is None or not is_table(options.input)):
        parser.error(f"--column{'' if options.column is not None else '-pair'} is for a table that --input names")
    return options


def run(options: argparse.Namespace) -> int:
    """Do what the command line asks for; return the exit status."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    # The tokenizer keeps to as many threads as the model.
    os.environ.setdefault("RAYON_NUM_THREADS", str(options.threads or 1))
    try:
        if options.output is not None:
            check_output(options.output, options.input, options.force)
        source = _source(options)
        classifier = load_classifier(options.model, options.precision, options.threads)
        shape = Shape(classifier.task, classifier.labels, classifier.threshold is not None, options.prefix)
        with _sink(options, source, shape) as sink:
            at_most = lines_at_once(options.chunk, options.texts or options.input)
            tally = answer_rows(classifier, source, sink, at_most, _shows_progress(options))
    except UnreadableError as error:
        raise GraftError(str(error)) from None
    except BrokenPipeError:
        return 0
    if options.output is not None or options.summary:
        print(f"graft: predict: {tally.line()}", file=sys.stderr)
    return REFUSED if options.strict and tally.refused else 0


def _source(options: argparse.Namespace) -> Source:
    pairs = reads_pairs(options.model)
    if options.column_pair is not None and not pairs:
        raise GraftError(f"{options.model} reads single texts; leave out --column-pair")
    if options.input is not None:
        return open_source(options.input, options.column or FIRST, (options.column_pair or SECOND) if pairs else None)
    given = len(options.texts)
    if pairs:
        if given % 2:
            raise GraftError(f"{options.model} reads pairs of texts; give two texts for each, side by side")
        return Texts(pairs_of(texts_of(options.texts), bool(given)), "stdin", given // 2 or None, pairs=True)
    return Texts(texts_of(options.texts), "stdin", given or None)


@contextmanager
def _sink(options: argparse.Namespace, source: Source, shape: Shape) -> Iterator[Sink]:
    if options.output is not None:
        with open_sink(options.output, source, shape) as sink:
            yield sink
        return
    try:
        yield JsonSink(open_stdout(), source, shape, prompt=True)
    except OSError as error:  # faults of the input come as others
        # The reader of the output may have seen enough (`| head`); then nothing is left to say to it.
        abandon_stdout()
        if isinstance(error, BrokenPipeError):
            raise
        raise GraftError(f"stdout cannot be written: {error.strerror or error}") from None


def _shows_progress(options: argparse.Namespace) -> bool:
    """Whether there is a terminal for it that neither shows the answers nor is typed at."""
    if options.texts or not sys.stderr.isatty():
        return False
    return (options.output or not sys.stdout.isatty()) and (options.input or not sys.stdin.isatty())
