"""``python -m benchmarks.bits [NAME] [--work DIR]``: a model pretrained here beside n-grams and compressors.

NAME is a key of ``pretraining`` in params.yaml, which needs naming only where there are several; DIR the folder of a
project whose stage ``pretrain`` has run, without it this one. Printed are bits per byte of the very texts that were
held out of that pretraining: the encoder's own (``models/pretrained/NAME/training.json``); what the frequencies of its
tokens give, which is where one that has learned nothing of context stands; a byte-level n-gram model's after the
training texts (``benchmarks/ngram.py``); gzip's and xz's, alone and with the training texts in front.

The encoder's number is a pseudo-likelihood: each token is guessed from both sides, one in seven hidden at a time
(``pipeline/pretraining/measure.py``). No text can be read back from it, so it is no code length, and a lower one does
not show that the encoder would compress better. The others are code lengths: each byte costs what those before it leave
open, and where a text ends is paid for. Only the other direction is fair: an encoder that needs more bits than they do
knows the texts less well although it sees more. It has another advantage: the held-out texts chose its checkpoint.

All read what the encoder's tokenizer makes of the texts (small letters, for one); the codes also the line break that
ends each.
"""

import argparse
import gzip
import lzma
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.ngram import HIGHEST, NGram
from benchmarks.tables import text_table
from pipeline.artifacts import read_json, read_parquet, required
from pipeline.errors import GraftError
from pipeline.params import Params, load_params
from pipeline.pretraining.measure import LOST
from pipeline.pretraining.packing import NO_WORD, Packed, hold_out, pack
from pipeline.settings.base import TRANSFER_SET
from pipeline.text.ids import unaltered_texts
from pipeline.tokens.encoding import load_tokenizer

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip -9": lambda data: gzip.compress(data, 9, mtime=0),
    "xz -9e": lambda data: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME),
}
GUESSED, COUNTED, CODED = "pseudo-likelihood", "each token by itself", "code length"


@dataclass(frozen=True)
class Texts:
    """What a model was trained on and what was held out, as its tokenizer normalises them, each text with its end.

    ``frequencies`` are the bits per byte of what was held out by the frequencies of the tokens in training.
    """

    train: bytes
    held_out: bytes
    frequencies: float


def main() -> None:
    """Read the command line, measure, print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bits", description="Bits per byte beside compressors.")
    parser.add_argument("name", nargs="?", metavar="NAME", help="a key of pretraining in params.yaml")
    parser.add_argument("--work", type=Path, default=Path(), metavar="DIR", help="where `dvc repro` ran; here")
    parser.add_argument("--order", type=int, default=5, choices=range(1, HIGHEST + 1), help="bytes of an n-gram (5)")
    options = parser.parse_args()
    try:
        params = load_params(options.work / "params.yaml")
        name = choose_name(params, options.name)
        texts = read_texts(options.work, params, name)
        trained = read_json(options.work / "models/pretrained" / name / "training.json")
    except GraftError as error:
        sys.exit(f"graft: bits: {error}")
    encoder = (f"{name}, the encoder", trained["bits_per_byte"], GUESSED)
    rows = [encoder, ("its tokens by frequency", texts.frequencies, COUNTED), *measure(texts, options.order)]
    print(f"{len(texts.held_out):,} bytes held out, {len(texts.train):,} to train on\n")
    print(
        text_table(
            ["Model", "Bits per byte", "What it is"], [[title, f"{bits:.3f}", kind] for title, bits, kind in rows]
        )
    )
    print(f"\n{fairness(rows)}")


def choose_name(params: Params, name: str | None) -> str:
    """Return the pretraining that is meant; GraftError if it is unknown or not clear."""
    if name is None and len(params.pretraining) != 1:
        found = ", ".join(params.pretraining) or "none; the recipe chinese pretrains one"
        raise GraftError(f"name one of the pretrainings in params.yaml: {found}")
    chosen = name or next(iter(params.pretraining))
    params.section("pretraining", chosen)
    return chosen


def read_texts(work: Path, params: Params, name: str) -> Texts:
    """Split the texts as the stage ``pretrain`` did; GraftError if they are not those that it read."""
    config = params.section("pretraining", name)
    tokenizer = load_tokenizer(required(work / "data/tokenized" / config.tokenizer / "tokenizer"))
    read = unaltered_texts(read_parquet(required(work / TRANSFER_SET)))
    parts = hold_out(read, config.held_out, config.seed)
    train, held_out = (pack(tokenizer, part, config.length) for part in parts)
    measured = read_json(required(work / "models/pretrained" / name / "training.json"))["held_out_bytes"]
    if held_out.bytes != measured:
        raise GraftError(f"{work / TRANSFER_SET} is not what {name} was pretrained on; run `dvc repro` first")
    normalizer = tokenizer.backend_tokenizer.normalizer
    lines = [
        b"".join((normalizer.normalize_str(text) if normalizer else text).encode() + b"\n" for text in part)
        for part in parts
    ]
    return Texts(lines[0], lines[1], frequency_bits(train, held_out, len(tokenizer)))


def frequency_bits(train: Packed, held_out: Packed, vocabulary: int) -> float:
    """Bits per byte of ``held_out`` where each token costs what its frequency in ``train``, plus one, says.

    Bytes that the tokenizer has lost cost what they cost the encoder.
    """
    own = [part.input_ids[part.words != NO_WORD] for part in (train, held_out)]
    counts = np.bincount(own[0], minlength=vocabulary) + 1
    bits = -np.log2(counts / counts.sum())[own[1]].sum()
    return float((bits + LOST * held_out.bytes_unknown) / held_out.bytes)


def measure(texts: Texts, order: int) -> list[tuple[str, float, str]]:
    """Return name, bits per byte and kind of the n-gram model and of each compressor."""
    probabilities = NGram.fit(texts.train, order).probabilities(texts.held_out)
    bits = float(-np.log2(probabilities).mean())
    rows = [(f"{order}-grams of bytes, Kneser-Ney", bits, CODED)]
    for name, compress in COMPRESSORS.items():
        before, alone = len(compress(texts.train)), len(compress(texts.held_out))
        more = len(compress(texts.train + texts.held_out)) - before
        rows.append((f"{name}, after the training texts", 8 * more / len(texts.held_out), CODED))
        rows.append((f"{name}, alone", 8 * alone / len(texts.held_out), CODED))
    return rows


def fairness(rows: Sequence[tuple[str, float, str]]) -> str:
    """Say what the encoder's number, the first of ``rows``, shows beside the frequencies and the best of the codes."""
    (name, bits, _), (_, frequencies, _), *codes = rows
    best, length, _ = min(codes, key=lambda row: row[1])
    if bits < length:
        said = (
            f"{name} is lower than the lowest code length ({best}), but as a pseudo-likelihood: it sees both sides of "
            "each token, the codes only what stands before. In this direction the comparison is not fair; it shows "
            "no better compression."
        )
    else:
        said = (
            f"{name} is no lower than the lowest code length ({best}) although it sees both sides of each token. In "
            "this direction the comparison is fair: it knows these texts less well."
        )
    return f"{said} Of the bits that frequencies alone need, context saves it {1 - bits / frequencies:.0%}."


if __name__ == "__main__":
    main()
