"""Classify text with an exported model; onnxruntime, tokenizers and numpy are all that it needs.

This file lies as ``predict.py`` in every folder that the stage ``export`` writes, with ``cleaning.py`` beside it:

    python predict.py "A gorgeous film." "Not for me."      # or a text a line on stdin; JSON lines out

Settings of the model (``settings.json``): ``labels``; ``temperature`` and ``threshold``, both from validation; and of
its tokenizer ``max_length``, ``truncation_side``, ``split_special_tokens``, ``pad_token_id``, ``filler_token_id`` (read
where a text leaves no token), and ``placeholder``, a character that is read as ``placeholder_token``.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from pipeline.text.cleaning import clean_text

# Tokens, padding included, that are read at once, and texts that are tokenized at once.
BATCH_TOKENS, CHUNK = 4096, 4096

FILES = {"fp32": "model.onnx", "int8": "model_int8.onnx"}


class Classifier:
    """A model in memory; ``precision`` is ``fp32`` or ``int8``."""

    def __init__(self, folder: Path, precision: str = "int8", threads: int = 1) -> None:
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        self.labels: list[str] = settings["labels"]
        self.temperature: float = settings["temperature"]
        self.threshold: float = settings["threshold"]
        self.pad, self.filler = settings["pad_token_id"], settings["filler_token_id"]
        self.placeholder = settings["placeholder"], settings["placeholder_token"]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(settings["max_length"], direction=settings["truncation_side"])
        self.tokenizer.encode_special_tokens = settings["split_special_tokens"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        path = str(folder / FILES[precision])
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text; a text that leaves no token gets one, for a model must read something."""
        written = [text.replace(*self.placeholder) for text in texts]
        return [each.ids or [self.filler] for each in self.tokenizer.encode_batch_fast(written)]

    def logits(self, tokens: Sequence[Sequence[int]]) -> np.ndarray:
        """Return (N, labels) float32: texts of like length are read together, as many as fit into a batch."""
        lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
        order = np.argsort(-lengths, kind="stable")
        result = np.empty((len(tokens), len(self.labels)), np.float32)
        start = 0
        while start < len(order):
            rows = order[start : start + max(1, BATCH_TOKENS // int(lengths[order[start]]))]
            result[rows] = self.read([tokens[row] for row in rows])
            start += len(rows)
        return result

    def read(self, tokens: Sequence[Sequence[int]]) -> np.ndarray:
        """Return the logits (N, labels) of one batch, padded on the right to its longest text."""
        lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids = np.full(mask.shape, self.pad, np.int64)
        ids[mask] = np.concatenate([np.asarray(each, np.int64) for each in tokens])
        answer: np.ndarray = self.session.run(["logits"], {"input_ids": ids, "attention_mask": mask.astype(np.int64)})[
            0
        ]
        return answer

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities (N, labels) float64: the softmax at the model's temperature."""
        scaled = logits.astype(np.float64) / self.temperature
        exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        shares: np.ndarray = exponentials / exponentials.sum(axis=1, keepdims=True)
        return shares

    def classify(self, texts: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Yield ``text``, ``label``, ``sure`` and ``probabilities``, or ``text`` and why it is ``refused``.

        ``sure`` says whether the label's probability reaches the model's threshold.
        """
        for chunk in _chunks(texts):
            cleaned = [clean_text(text, min_characters=1, max_characters=1_000_000) for text in chunk]
            kept = [text for text, reason in cleaned if not reason]
            answers = iter(self.probabilities(self.logits(self.encode(kept))) if kept else ())
            for text, (_, reason) in zip(chunk, cleaned, strict=True):
                if reason:
                    yield {"text": text, "refused": reason}
                    continue
                shares = next(answers)
                probabilities = {name: round(float(each), 6) for name, each in zip(self.labels, shares, strict=True)}
                best = int(shares.argmax())
                sure = bool(shares[best] >= self.threshold)
                yield {"text": text, "label": self.labels[best], "sure": sure, "probabilities": probabilities}


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for text in texts:
        chunk.append(text)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def main() -> None:
    """Read the command line, print one JSON object a text."""
    parser = argparse.ArgumentParser(description="Classify text with this model; JSON lines out.")
    parser.add_argument("texts", nargs="*", metavar="text", help="texts; without any, lines of stdin")
    parser.add_argument("--precision", choices=FILES, default="int8", help="which of the two models (int8)")
    parser.add_argument("--threads", type=int, default=1, help="threads that the model computes in (1)")
    options = parser.parse_args()
    texts = options.texts or (line.rstrip("\n") for line in open(0, encoding="utf-8", errors="replace"))  # noqa: SIM115
    for answer in Classifier(Path(__file__).parent, options.precision, options.threads).classify(texts):
        sys.stdout.write(json.dumps(answer, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
