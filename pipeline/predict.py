"""``python -m pipeline.predict MODEL [TEXT ...]``: classify text with a trained model; JSON lines out.

MODEL is a folder under ``models/``, such as ``models/students/static``. Texts are the arguments or,
without any, the lines of ``--input FILE`` or of stdin. A text in which nothing is visible gets its
reason in place of a label. Order is kept, and memory does not grow with the number of lines.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.errors import GraftError

CHUNK = 4096


def main() -> None:
    """Read the command line, print one JSON object a text."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.predict", description="Classify text; JSON lines out.")
    parser.add_argument("model", type=Path, help="a folder under models/, such as models/students/static")
    parser.add_argument("texts", nargs="*", metavar="text", help="texts; without any, lines of stdin")
    parser.add_argument("--input", type=Path, help="a UTF-8 file, one text a line")
    options = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
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
    from pipeline.text.cleaning import clean_text
    from pipeline.tokens.encoding import encode, load_tokenizer
    from pipeline.training.prediction import predict, softmax

    if not (folder / "config.json").exists():
        raise GraftError(f"{folder} holds no model; train one with `dvc repro`, or name a folder under models/")
    disable_progress_bar()
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    names = [model.config.id2label[at] for at in range(model.config.num_labels)]
    stream = iter(texts)
    while chunk := list(islice(stream, CHUNK)):
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


def _texts(options: argparse.Namespace) -> Iterator[str]:
    if options.texts:
        yield from options.texts
        return
    if options.input is None:
        yield from _lines(sys.stdin.buffer)
        return
    try:
        with options.input.open("rb") as stream:
            yield from _lines(stream)
    except OSError as error:
        raise GraftError(f"{options.input} cannot be read: {error.strerror}") from None


def _lines(stream: Iterable[bytes]) -> Iterator[str]:
    # Bytes that are no UTF-8 become the replacement character: a line is answered, never lost.
    for line in stream:
        yield line.decode("utf-8", errors="replace").rstrip("\r\n")


if __name__ == "__main__":
    main()
