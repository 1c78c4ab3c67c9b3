"""A model that classifies text; onnxruntime, tokenizers and numpy are all that it needs.

This file lies as ``classifier.py`` in every folder that the stage ``export`` writes, beside ``predict.py``.

Settings of the model (``settings.json``): ``task`` and its ``labels``; ``temperature`` and, where one label is chosen,
``threshold``, both from what the int8 file says of validation; and of its tokenizer ``max_length``,
``truncation_side``, ``split_special_tokens``, ``pad_token_id``, and ``filler_token_id``, which is read where a text
leaves no token; ``pairs`` where two texts are read together. ``text`` is the policy that the model's texts were
prepared with, and that every text is read by; where it asks for the repair of mojibake, ftfy is needed too.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import onnxruntime
from tokenizers import Encoding, Tokenizer

from pipeline.deployment.words import WordMemory
from pipeline.text.cleaning import clean_text
from pipeline.text.pairs import SECOND, TextOrPair, named, reason_of, sides_of, text_from
from pipeline.text.policy import Policy

# Tokens, padding included, that are read at once; texts, and about how many characters, that are classified at once.
BATCH_TOKENS, CHUNK, CHARACTERS = 4096, 4096, 2**24

# Characters of a text that is not refused as too long.
LONGEST = 1_000_000

FILES = {"fp32": "model.onnx", "int8": "model_int8.onnx"}

# The one that is read unless the other is asked for; temperature and threshold are its own.
USUAL = "int8"

# From this probability on a text gets a label, where it may have any number.
HALF = 0.5
NO_FTFY = (
    "{}/settings.json asks for the repair of mojibake, which needs ftfy; `pip install -r requirements.txt` brings it, "
    "or set text.mojibake to false there and read such texts as they are"
)

Item = TypeVar("Item")


class PairTokens(list[int]):
    """The token ids of a pair; those from ``second`` on are its second text's."""

    second = 0


class UnreadableError(Exception):
    """A folder or a text that cannot be read; what it says is one line for the user."""


class Classifier:
    """A model in memory; ``precision`` is ``fp32`` or ``int8``. UnreadableError if the folder is damaged."""

    def __init__(self, folder: Path, precision: str = USUAL, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        graph, file = FILES[precision], "settings.json"
        try:
            settings = json.loads((folder / file).read_text(encoding="utf-8"))
            self.task: str = settings["task"]
            self.labels: list[str] = settings["labels"]
            self.temperature: float = settings["temperature"]
            self.threshold: float | None = settings["threshold"]
            self.policy = Policy.of(settings["text"])
            self.pairs: bool = settings.get("pairs", False)
            self.pad, self.filler = settings["pad_token_id"], settings["filler_token_id"]
            if self.policy.mojibake and find_spec("ftfy") is None:
                raise UnreadableError(NO_FTFY.format(folder))
            file = "tokenizer.json"
            self.tokenizer = Tokenizer.from_file(str(folder / file))
            self.tokenizer.no_padding()
            self.tokenizer.enable_truncation(settings["max_length"], direction=settings["truncation_side"])
            self.tokenizer.encode_special_tokens = settings["split_special_tokens"]
            self.words = None if self.pairs else WordMemory.of(self.tokenizer)
            file = graph
            path = str(folder / file)
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            self.inputs = {each.name for each in self.session.get_inputs()}
        except UnreadableError:
            raise
        except Exception as error:  # tokenizers and onnxruntime raise no narrower one
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise UnreadableError(f"{folder / file} cannot be read ({reason}); export the model anew") from error

    def encode(self, texts: Sequence[TextOrPair]) -> list[list[int]]:
        """Return the token ids of each text or pair; a text that leaves no token gets one: a model must read something.

        Of pairs they are ``PairTokens``.
        """
        if self.words is not None:
            return [ids or [self.filler] for ids in self.words.encode(cast(Sequence[str], texts))]
        if self.pairs:
            # Pairs that came as JSON are lists.
            pairs = [(each[0], each[1]) for each in texts]
            return [self._pair(each) for each in self.tokenizer.encode_batch_fast(pairs)]
        return [each.ids or [self.filler] for each in self.tokenizer.encode_batch_fast(list(texts))]

    def _pair(self, encoding: Encoding) -> PairTokens:
        """As ``pipeline.tokens`` encodes pairs: a closing token stands for a second text that left none."""
        sides = encoding.sequence_ids
        tokens = PairTokens(encoding.ids)
        tokens.second = sides.index(1) if 1 in sides else max(len(tokens) - 1, 0)
        if tokens.second == 0:
            tokens.insert(0, self.filler)
            tokens.second = 1
        return tokens

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
        ids[mask] = np.fromiter(chain.from_iterable(tokens), np.int64, int(lengths.sum()))
        inputs = {"input_ids": ids, "attention_mask": mask.astype(np.int64)}
        if "token_type_ids" in self.inputs:
            second = np.array([cast(PairTokens, each).second for each in tokens])
            inputs["token_type_ids"] = (mask & (np.arange(mask.shape[1]) >= second[:, None])).astype(np.int64)
        answer: np.ndarray = self.session.run(["logits"], inputs)[0]
        return answer

    def answers(self, logits: np.ndarray) -> np.ndarray:
        """Return what the model says, (N, labels) float64.

        Of one label calibrated probabilities, the softmax at the model's temperature; of several the probability of
        each; of a number itself.
        """
        scaled = logits.astype(np.float64) / self.temperature
        if self.task == "regression":
            return scaled
        if self.task == "multi_label":
            return 1 / (1 + np.exp(-scaled))
        exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        shares: np.ndarray = exponentials / exponentials.sum(axis=1, keepdims=True)
        return shares

    def classify(self, texts: Iterable[TextOrPair]) -> Iterator[dict[str, Any]]:
        """Yield the answer to each text: ``answer``, with its ``text``, or ``text`` and why it is ``refused``.

        A model of ``pairs`` takes tuples of two; their answers have ``text_pair`` behind ``text``.
        """
        said = partial(answer, self.task, self.labels, self.threshold)
        return answer_texts(texts, self._read_texts, self.policy, said, self.pairs)

    def _read_texts(self, texts: Sequence[TextOrPair]) -> np.ndarray:
        return self.answers(self.logits(self.encode(texts)))


def answer(task: str, labels: Sequence[str], threshold: float | None, said: np.ndarray) -> dict[str, Any]:
    """What a model says of one text, (labels,), in words.

    Of one label ``label``, ``sure`` (whether its probability reaches the ``threshold``, if there is one) and
    ``probabilities``; of several ``labels``, those that are likelier than not, and ``probabilities``; of a number
    ``value``.
    """
    if task == "regression":
        return {"value": round(float(said[0]), 6)}
    shares = {name: round(share, 6) for name, share in zip(labels, said.tolist(), strict=True)}
    if task == "multi_label":
        return {"labels": [name for name, share in shares.items() if share >= HALF], "probabilities": shares}
    best = int(said.argmax())
    found: dict[str, Any] = {"label": labels[best]}
    if threshold is not None:
        found["sure"] = bool(said[best] >= threshold)
    return found | {"probabilities": shares}


def answer_texts(
    texts: Iterable[TextOrPair],
    read: Callable[[Sequence[TextOrPair]], np.ndarray],
    policy: Policy,
    answer: Callable[[np.ndarray], dict[str, Any]],
    pairs: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield the answer to each text; ``read`` returns what a model says of texts cleaned by ``policy``, (N, labels).

    Where ``pairs`` are asked for, a text alone is refused.
    """
    for chunk in chunks(texts, characters_of):
        cleaned = [_clean(text, policy, pairs) for text in chunk]
        kept = [text for text, reason in cleaned if not reason]
        rows = iter(read(kept) if kept else ())
        for text, (_, reason) in zip(chunk, cleaned, strict=True):
            yield named(text) | ({"refused": reason} if reason else answer(next(rows)))


def characters_of(text: TextOrPair) -> int:
    """Return how many characters a text holds, or both of a pair."""
    return sum(map(len, sides_of(text)))


def _clean(text: TextOrPair, policy: Policy, pairs: bool) -> tuple[TextOrPair, str]:
    """Return the text, or both of a pair, cleaned, and why it is refused."""
    sides = [clean_text(side, 1, LONGEST, policy) for side in sides_of(text)]
    reasons = [reason_of(name, side.reason) for name, side in zip(named(text), sides, strict=True)]
    if pairs and len(sides) == 1:
        reasons.append(reason_of(SECOND, "text_missing"))
    return text_from([side.text for side in sides]), next(filter(None, reasons), "")


def chunks(items: Iterable[Item], size: Callable[[Item], int], at_most: int = CHUNK) -> Iterator[list[Item]]:
    """Yield ``items`` in lists, bounded in number and in the characters that ``size`` counts of each.

    Where the items end with an UnreadableError, those before it come first.
    """
    chunk: list[Item] = []
    characters = 0
    fault: UnreadableError | None = None
    try:
        for item in items:
            chunk.append(item)
            characters += size(item)
            if len(chunk) == at_most or characters >= CHARACTERS:
                yield chunk
                chunk, characters = [], 0
    except UnreadableError as error:
        fault = error
    if chunk:
        yield chunk
    if fault is not None:
        raise fault
