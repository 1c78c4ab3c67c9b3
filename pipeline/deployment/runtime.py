"""The command that classifies text with an exported model: its arguments, stdin and stdout.

This file lies as ``predict.py`` in every folder that the stage ``export`` writes, with the files beside it that it
imports:

    python predict.py "A gorgeous film." "Not for me."      # or a text a line on stdin; JSON lines out

A model of pairs reads its arguments two by two, or a pair a line with a tab between.
"""

import argparse
import io
import json
import os
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

from pipeline.deployment.classifier import CHUNK, FILES, USUAL, Classifier, UnreadableError, characters_of, chunks
from pipeline.text.pairs import TextOrPair


def read_lines(stream: io.BufferedReader, name: str, newline: str | None = None) -> Iterator[str]:
    """Yield the lines of ``stream`` with their ends, without a byte order mark; ``newline`` is that of ``open``.

    Bytes that are no UTF-8 become the replacement character: a line is answered, never lost. UnreadableError, which
    calls the stream ``name``, for UTF-16 and for what cannot be read.
    """
    number = 0
    try:
        if stream.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise UnreadableError(f"{name} is UTF-16; convert it, as `iconv -f utf-16 -t utf-8` does")
        with io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline=newline) as lines:
            for number, line in enumerate(lines, 1):
                # A byte order mark alone is no line.
                if number > 1 or line != "\ufeff":
                    yield line if number > 1 else line.removeprefix("\ufeff")
    except OSError as error:
        raise UnreadableError(f"{name} cannot be read{_beyond(number)}: {error.strerror or error}") from None
    except (EOFError, zlib.error) as error:
        raise UnreadableError(
            f"{name} cannot be read{_beyond(number)} ({error}); it may be cut short: copy it again"
        ) from None


def _beyond(line: int) -> str:
    return f" beyond line {line}" if line else ""


def read_texts(stream: io.BufferedReader, name: str) -> Iterator[str]:
    r"""Yield the lines of ``stream``, which may end in \n, \r\n or \r, as ``read_lines`` does, without their ends."""
    return (line.removesuffix("\n") for line in read_lines(stream, name))


def texts_of(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the texts that are arguments of the command or, without any, the lines of stdin."""
    if not arguments:
        yield from read_texts(cast(io.BufferedReader, sys.stdin.buffer), "stdin")
    # A word of the command line that is no UTF-8 reads as the same bytes in a file do.
    yield from (os.fsencode(text).decode("utf-8", errors="replace") for text in arguments)


def pairs_of(texts: Iterable[str], given: bool) -> Iterator[TextOrPair]:
    """Yield pairs: ``given`` as arguments two by two, else the first tab of a line parts them.

    A line without a tab is a text alone, which is refused where it is read. UnreadableError for an odd argument.
    """
    waiting: list[str] = []
    for text in texts:
        if given:
            waiting.append(text)
        first, tab, second = text.partition("\t")
        if len(waiting) == 2:
            yield waiting[0], waiting[1]
            waiting.clear()
        elif not given:
            yield (first, second) if tab else first
    if waiting:
        raise UnreadableError("this model reads pairs of texts; give two texts for each, as arguments side by side")


def lines_at_once(chunk: int | None, given: object) -> int:
    """How many texts are answered at once: ``chunk`` or, if nothing is ``given`` but what is typed, every line."""
    return chunk or (CHUNK if given or not sys.stdin.isatty() else 1)


def open_stdout() -> io.TextIOWrapper:
    """Return stdout as UTF-8, whatever the terminal's encoding: half a surrogate pair becomes JSON's escape for it."""
    stdout = cast(io.TextIOWrapper, sys.stdout)
    stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    return stdout


def abandon_stdout() -> None:
    """Let what is still buffered go nowhere; Python would try again to write it when it ends, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def at_least_one(text: str) -> int:
    """Return the number that an option was given."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def parse_words(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Read the command line: options anywhere among the texts, and behind ``--`` nothing but texts."""
    end = words.index("--") if "--" in words else len(words)
    options = parser.parse_intermixed_args(words[:end])
    options.texts += words[end + 1 :]
    return options


def main() -> None:
    """Read the command line, print one JSON object a text."""
    parser = argparse.ArgumentParser(description="Classify text with this model; JSON lines out.")
    parser.add_argument("texts", nargs="*", metavar="text", help="texts; without any, lines of stdin")
    parser.add_argument("--precision", choices=FILES, default=USUAL, help=f"which of the two models ({USUAL})")
    parser.add_argument("--threads", type=at_least_one, default=1, help="threads that the model computes in (1)")
    parser.add_argument(
        "--chunk", type=at_least_one, help=f"texts read before they are answered ({CHUNK}; 1 as you type)"
    )
    options = parse_words(parser, sys.argv[1:])
    # The tokenizer keeps to as many threads as the model.
    os.environ.setdefault("RAYON_NUM_THREADS", str(options.threads))
    try:
        stdout = open_stdout()
        classifier = Classifier(Path(__file__).parent, options.precision, options.threads)
        texts: Iterable[TextOrPair] = texts_of(options.texts)
        if classifier.pairs:
            texts = pairs_of(texts_of(options.texts), bool(options.texts))
        for chunk in chunks(texts, characters_of, lines_at_once(options.chunk, options.texts)):
            for answer in classifier.classify(chunk):
                stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
            stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of the output has seen enough (`| head`); nothing is left to say to it.
        abandon_stdout()
    except (UnreadableError, OSError) as error:
        abandon_stdout()
        sys.exit(f"predict: {error}")


if __name__ == "__main__":
    main()
