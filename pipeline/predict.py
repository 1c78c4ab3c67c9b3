"""``python -m pipeline.predict MODEL [TEXT ...]``: classify text with a trained model; JSON lines out.

MODEL is a folder under ``models/``, such as ``models/students/static``. Texts are the arguments or,
without any, the lines of ``--input FILE`` (also as .gz) or of stdin. A text in which nothing is visible
gets its reason in place of a label. Order is kept, and memory does not grow with the number of lines.
"""

import argparse
import io
import json
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pipeline.errors import GraftError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

# Texts, and about how many characters, that are classified at once.
CHUNK, CHARACTERS = 4096, 2**24


def main() -> None:
    """Read the command line, print one JSON object a text."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.predict", description="Classify text; JSON lines out.")
    parser.add_argument("model", type=Path, help="a folder under models/, such as models/students/static")
    parser.add_argument("texts", nargs="*", metavar="text", help="texts; without any, lines of stdin")
    parser.add_argument("--input", type=Path, help="a UTF-8 file, one text a line; also as .gz")
    options = parser.parse_args()
    if options.texts and options.input is not None:
        parser.error("texts and --input exclude each other; give one of them")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # JSON is UTF-8 whatever the terminal's encoding; half a surrogate pair becomes JSON's own escape for it.
    cast(io.TextIOWrapper, sys.stdout).reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        for answer in classify(options.model, _texts(options)):
            print(json.dumps(answer, ensure_ascii=False))
    except GraftError as error:
        sys.exit(f"graft: predict: {error}")
    except BrokenPipeError:
        # The reader of our output has seen enough (`| head`); nothing is left to say to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def classify(folder: Path, texts: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield ``text``, ``label`` and ``probabilities`` of each text, or ``text`` and the reason it is ``refused``."""
    from transformers.utils.logging import disable_progress_bar

    from pipeline.models.registry import load_model
    from pipeline.tokens.encoding import load_tokenizer

    if not (folder / "config.json").exists():
        raise GraftError(f"{folder} holds no model; train one with `dvc repro`, or name a folder under models/")
    disable_progress_bar()
    yield from classify_with(load_model(folder), load_tokenizer(folder), texts)


def classify_with(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast", texts: Iterable[str]
) -> Iterator[dict[str, Any]]:
    """Do what ``classify`` does with a model and a tokenizer in memory."""
    from pipeline.text.cleaning import clean_text
    from pipeline.tokens.encoding import encode
    from pipeline.training.prediction import predict, softmax

    names = [model.config.id2label[at] for at in range(model.config.num_labels)]
    for chunk in _chunks(texts):
        cleaned = [clean_text(text, min_characters=1, max_characters=1_000_000) for text in chunk]
        kept = [text for text, reason in cleaned if not reason]
        table, _ = encode(tokenizer, [""] * len(kept), kept, tokenizer.model_max_length)
        logits, _ = predict(model, table, tokenizer.pad_token_id, 16384, "fp32", title=None)
        answers = iter(softmax(logits))
        for text, (_, reason) in zip(chunk, cleaned, strict=True):
            if reason:
                yield {"text": text, "refused": reason}
                continue
            shares = next(answers)
            probabilities = {name: round(float(share), 6) for name, share in zip(names, shares, strict=True)}
            yield {"text": text, "label": names[int(shares.argmax())], "probabilities": probabilities}


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    characters = 0
    for text in texts:
        chunk.append(text)
        characters += len(text)
        if len(chunk) == CHUNK or characters >= CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _texts(options: argparse.Namespace) -> Iterator[str]:
    if options.texts:
        # A word of the command line that is no UTF-8 reads as the same bytes in a file do.
        yield from (os.fsencode(text).decode("utf-8", errors="replace") for text in options.texts)
    elif options.input is None:
        yield from read_texts(cast(io.BufferedReader, sys.stdin.buffer), "stdin")
    else:
        yield from read_file(options.input)


def read_file(path: Path) -> Iterator[str]:
    """Yield the lines of a file, unpacked where its name ends with .gz; GraftError if it cannot be read."""
    from pipeline.text.lines import open_binary

    try:
        with open_binary(path) as stream:
            yield from read_texts(cast(io.BufferedReader, stream), str(path))
    except OSError as error:
        raise GraftError(f"{path} cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error) as error:
        raise GraftError(f"{path} cannot be read ({error}); it may be cut short: copy it again") from None


def read_texts(stream: io.BufferedReader, name: str) -> Iterator[str]:
    r"""Yield the lines of ``stream``, which may end in \n, \r\n or \r, without a byte order mark.

    Bytes that are no UTF-8 become the replacement character: a line is answered, never lost.
    """
    if stream.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise GraftError(f"{name} is UTF-16; convert it, as `iconv -f utf-16 -t utf-8` does")
    with io.TextIOWrapper(stream, encoding="utf-8", errors="replace") as lines:
        for at, line in enumerate(lines):
            # A byte order mark alone is no line.
            if at or line != "\ufeff":
                yield (line if at else line.removeprefix("\ufeff")).removesuffix("\n")


if __name__ == "__main__":
    main()
