"""``python -m pipeline.serve [FOLDER ...]``: a page and an HTTP endpoint that classify text with exported models.

FOLDER is an export, or holds several; without any, all of ``exports/`` are served, the teachers' too. Type a text on
the page, and see every model's label, probabilities and time side by side, and the words that mattered to a student.
``pipeline/serving/app.py`` lists the routes. Only this machine can reach them unless ``--host`` says otherwise.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.deployment.classifier import FILES
from pipeline.errors import GraftError
from pipeline.serving.limits import Limits
from pipeline.serving.scoring import find_exports, load_models
from pipeline.serving.server import bind, end_on_signals, serve


def main() -> None:
    """Read the command line, load the models, answer until a signal comes."""
    options = _options()
    end_on_signals()
    limits = Limits(
        max_bytes=options.max_bytes,
        max_texts=options.max_texts,
        max_characters=options.max_characters,
        timeout=options.timeout,
        queue=options.queue,
    )
    # Each request is computed in one thread; tokenizers would start one a core for each.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        exports = find_exports(options.folders or [Path("exports")])
        with bind(options.host, options.port) as taken:
            serve(taken, options.host, load_models(exports, options.precision), limits, options.threads)
    except GraftError as error:
        sys.exit(f"graft: serve: {error}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pipeline.serve", description="Classify text over HTTP.")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="exports, or folders of them (exports)")
    parser.add_argument("--host", default="127.0.0.1", help="address that is listened on (%(default)s: this machine)")
    parser.add_argument("--port", type=_number(int, 0, 65535), default=8000, help="0 takes a free one (%(default)s)")
    parser.add_argument("--precision", choices=FILES, default="int8", help="which file of each model (%(default)s)")
    cores = os.cpu_count() or 1
    parser.add_argument(
        "--threads", type=_number(int, 1, 64), default=cores, help="requests at work at once (%(default)s)"
    )
    sizes = _number(int, 1, 1 << 30)
    parser.add_argument("--max-bytes", type=sizes, default=Limits.max_bytes, help="of a body (%(default)s)")
    parser.add_argument("--max-texts", type=sizes, default=Limits.max_texts, help="of a request (%(default)s)")
    parser.add_argument("--max-characters", type=sizes, default=Limits.max_characters, help="of a text (%(default)s)")
    seconds = _number(float, 0.1, 3600)
    parser.add_argument("--timeout", type=seconds, default=Limits.timeout, help="seconds for an answer (%(default)s)")
    waiting = _number(int, 0, 10_000)
    parser.add_argument("--queue", type=waiting, default=Limits.queue, help="requests that may wait (%(default)s)")
    return parser.parse_args()


def _number(kind: Callable[[str], float], low: float, high: float) -> Callable[[str], float]:
    def read(word: str) -> float:
        try:
            value = kind(word)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{word!r} is no number from {low:g} to {high:g}")
        return value

    return read


if __name__ == "__main__":
    main()
