"""The user's texts without labels: read, cleaned, decontaminated, deduplicated and drawn, batch by batch."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import GraftError
from pipeline.settings.prepare import PrepareConfig, TransferSetConfig
from pipeline.text.cleaning import clean_text
from pipeline.text.decontamination import HeldOut
from pipeline.text.deduplication import key_of, loose_key
from pipeline.text.ids import unlabelled_id
from pipeline.text.lines import read_lines
from pipeline.text.pairs import FIRST, SECOND, TextOrPair, reason_of, sides_of, unfold
from pipeline.text.policy import PLAIN, Policy
from pipeline.text.refusals import Refusals
from pipeline.text.tables import Row, iter_rows

FORMATS = (".txt", ".csv", ".tsv", ".jsonl", ".txt.gz", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".parquet")
SECTION = "transfer_set"
BATCH = 50_000


@dataclass
class Unlabelled:
    """Texts in the order of the files (columns id, text, of pairs text_pair), and what became of every row."""

    frame: pd.DataFrame
    summary: dict[str, Any]


class Sample:
    """A uniform sample of distinct texts, of at most ``size``, from a stream of unknown length.

    The texts with the least hashes are kept (bottom-k sampling; Cohen and Kaplan 2007, "Summarizing data using
    bottom-k sketches"): which ones they are depends on the texts and the seed, not on their order.
    """

    def __init__(self, size: int) -> None:
        """Begin with no text."""
        self.size = size
        self.pool = _frame([], [], np.array([], dtype=np.uint64))
        self.offered = [self.pool["hash"].to_numpy()]

    def offer(self, ids: list[str], texts: Sequence[TextOrPair], hashes: np.ndarray) -> None:
        """Take the next texts or pairs of the stream; ``hashes`` (N,) uint64 are equal for copies of one."""
        self.offered.append(hashes)
        new = _frame(ids, texts, hashes)
        if len(self.pool) == self.size:
            new = new[hashes < self.pool["hash"].max()]
        pool = pd.concat([self.pool, new], ignore_index=True).drop_duplicates("hash")
        # In the order of the stream again, so that of two copies the earlier one stays.
        self.pool = pool.sort_values("hash").head(self.size).sort_index()

    def count_distinct(self) -> int:
        """Return how many distinct texts have been offered."""
        return len(np.unique(np.concatenate(self.offered)))


def _frame(ids: list[str], texts: Sequence[TextOrPair], hashes: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"id": ids, "text": texts}, dtype=object).assign(hash=hashes)


def read_unlabelled(
    config: TransferSetConfig,
    limits: PrepareConfig,
    train: Iterable[TextOrPair],
    held_out: Iterable[TextOrPair],
    policy: Policy = PLAIN,
    is_pair: bool = False,
) -> Unlabelled:
    """Return at most ``config.texts`` texts of ``config.path``: cleaned as labelled ones are, none of them a copy of
    another or of a training text, none with a held-out text or a long run of one inside.

    Of pairs none has both of its texts so: one of them may stand in held-out pairs too, beside another text, as it may
    in the labelled ones. Raises GraftError for files of lines, which hold no pairs.
    """
    refusals = Refusals()
    changed: Counter[str] = Counter()
    sample = Sample(config.texts)
    rows_in = 0
    if config.texts:
        known = _hash_keys([key_of(text) for text in train], config.seed)
        measured = HeldOut(side for text in held_out for side in sides_of(text))
        rows = _iter_rows(config, is_pair)
        while batch := list(islice(rows, BATCH)):
            rows_in += len(batch)
            frame = _clean(batch, limits, policy, refusals, changed)
            texts = frame["text"].tolist()
            hashes = _hash_keys([key_of(text) for text in texts], config.seed)
            copies = np.where(np.isin(hashes, known), "training_text", "")
            sides = zip(*map(sides_of, texts), strict=True)
            held = [measured.find([loose_key(text) for text in side]) for side in sides]
            reasons = np.where(np.all(held, axis=0), "held_out", copies) if held else copies
            frame = refusals.drop(frame.assign(hash=hashes), reasons)
            sample.offer(frame["id"].tolist(), frame["text"].tolist(), frame["hash"].to_numpy())
    frame = sample.pool[["id", "text"]].reset_index(drop=True)
    if is_pair:
        frame = unfold(frame)
    distinct = sample.count_distinct()
    offered = rows_in - refusals.total
    counts = refusals.counts | {"duplicate": offered - distinct, "not_drawn": distinct - len(frame)}
    summary = {
        "rows_in": rows_in,
        "rows_kept": len(frame),
        "refused": {reason: count for reason, count in counts.items() if count},
        "refused_examples": refusals.examples,
        "changed": dict(changed),
    }
    return Unlabelled(frame, summary)


def _iter_rows(config: TransferSetConfig, is_pair: bool) -> Iterator[tuple[str, Row]]:
    for name, path in _find_files(Path(config.path)):
        for number, row in enumerate(_iter_file(path, config, is_pair), 1):
            yield unlabelled_id(name, number), row


def _find_files(path: Path) -> list[tuple[str, Path]]:
    """Return name and path of every file to read, by name: ``path`` itself, or what is in it but for hidden files."""
    if path.is_file():
        files = {path.name: path}
    elif path.is_dir():
        files = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
        files = {name: file for name, file in files.items() if not re.search(r"(^|/)\.", name)}
    else:
        raise GraftError(f"{path} is missing; set {SECTION}.path to a file or a folder, which may be empty")
    for file in files.values():
        if not file.name.endswith(FORMATS):
            raise GraftError(f"{file} is no text that can be read; {SECTION}.path allows {', '.join(FORMATS)}")
    # A name in another encoding than the system's would fit into no table.
    return [(os.fsencode(name).decode("utf-8", "backslashreplace"), files[name]) for name in sorted(files)]


def _iter_file(path: Path, config: TransferSetConfig, is_pair: bool) -> Iterator[Row]:
    if not path.name.removesuffix(".gz").endswith(".txt"):
        yield from iter_rows(
            path, [config.column, *([config.column_pair] if is_pair else [])], config.encoding, SECTION
        )
        return
    if is_pair:
        raise GraftError(
            f"{path} holds single texts, and data.text_pair asks for pairs; write a table with the columns "
            f"{config.column} and {config.column_pair}, or set {SECTION}.texts to 0"
        )
    line = ""
    for line in read_lines(path, config.encoding, SECTION):
        if "\0" in line:
            raise GraftError(
                f"{path} holds NUL bytes; if it is UTF-16, set {SECTION}.encoding to utf-16, utf-16-le or utf-16-be"
            )
        yield (line.rstrip("\n"),)
    if not line:
        raise GraftError(f"{path} is empty; remove it, or write one text a line")


def _clean(
    batch: list[tuple[str, Row]],
    limits: PrepareConfig,
    policy: Policy,
    refusals: Refusals,
    changed: Counter[str],
) -> pd.DataFrame:
    texts, reasons = [], []
    for _, row in batch:
        text, reason = _clean_row(row, limits, policy, changed)
        texts.append(text)
        reasons.append(reason)
    frame = pd.DataFrame({"id": [name for name, _ in batch], "text": texts}, dtype=object)
    return refusals.drop(frame, np.array(reasons, dtype=object))


def _clean_row(row: Row, limits: PrepareConfig, policy: Policy, changed: Counter[str]) -> tuple[TextOrPair, str]:
    """Return the text or pair of a row, and why it is refused."""
    if row is None:
        return "", "malformed_row"
    texts = []
    for column, cell in zip((FIRST, SECOND), row, strict=False):
        if not isinstance(cell, str):
            return "", reason_of(column, "text_missing")
        text, reason, rules = clean_text(cell, limits.min_characters, limits.max_characters, policy)
        changed.update(rules)
        if reason:
            return "", reason_of(column, reason)
        texts.append(text)
    return (texts[0], texts[1]) if len(texts) == 2 else texts[0], ""


def _hash_keys(keys: list[str], seed: int) -> np.ndarray:
    """Return a 64-bit hash of each key that depends on ``seed``: (N,) strings → (N,) uint64."""
    secret = seed.to_bytes(4, "little")
    digests = b"".join(blake2b(key.encode(), digest_size=8, key=secret).digest() for key in keys)
    return np.frombuffer(digests, dtype="<u8")
