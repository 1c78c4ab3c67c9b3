"""The user's texts without labels: read, cleaned, decontaminated, deduplicated and drawn, batch by batch."""

import os
import re
import tempfile
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
from pipeline.spool import Spool
from pipeline.text.cleaning import clean_text
from pipeline.text.decontamination import HeldOut
from pipeline.text.deduplication import key_of, loose_key
from pipeline.text.hashing import is_among
from pipeline.text.ids import unlabelled_id
from pipeline.text.lines import read_lines
from pipeline.text.pairs import FIRST, SECOND, TextOrPair, reason_of, sides_of
from pipeline.text.policy import PLAIN, Policy
from pipeline.text.refusals import Refusals
from pipeline.text.stored import StoredTexts
from pipeline.text.tables import Row, iter_rows

FORMATS = (".txt", ".csv", ".tsv", ".jsonl", ".txt.gz", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".parquet")
SECTION = "transfer_set"
BATCH = 2**15


@dataclass
class Unlabelled:
    """Texts or pairs in the order of the files, the ``rows`` (M,) of those that are ``stored``; what became of all."""

    stored: StoredTexts
    rows: np.ndarray
    summary: dict[str, Any]

    def tables(self) -> Iterator[pd.DataFrame]:
        """Yield the texts in parts: the columns id, text and, of pairs, text_pair."""
        return (frame for _, frame in self.stored.batches(self.rows))

    @property
    def frame(self) -> pd.DataFrame:
        """All texts as one table."""
        return pd.concat(self.tables(), ignore_index=True)


class Sample:
    """A uniform sample of distinct texts, of at most ``size``, from a stream of unknown length.

    The texts with the least hashes are kept (bottom-k sampling; Cohen and Kaplan 2007, "Summarizing data using
    bottom-k sketches"): which ones they are depends on the texts and the seed, not on their order.
    """

    def __init__(self, size: int, folder: Path, is_pair: bool = False) -> None:
        """Begin with no text; ``folder`` exists, and has room."""
        self.size = size
        self.stored = StoredTexts(folder, is_pair)
        self.hashes = Spool(folder, np.uint64)
        self.offered = Spool(folder, np.uint64)
        # Of so many distinct texts that the sample would be full, the largest hash: a larger one is not looked at.
        self.limit = np.iinfo(np.uint64).max
        self.looked = 0

    def offer(self, ids: Sequence[str], texts: Sequence[TextOrPair], hashes: np.ndarray) -> None:
        """Take the next texts of the stream; ``hashes`` (N,) uint64 are equal for copies of one text."""
        self.offered.append(hashes)
        rows = np.flatnonzero(hashes <= self.limit).tolist()
        self.stored.append([ids[row] for row in rows], [texts[row] for row in rows])
        self.hashes.append(hashes[rows])
        if len(self.hashes) >= 2 * max(self.size, self.looked):
            self.looked = len(self.hashes)
            distinct = np.unique(self.hashes.array())
            if len(distinct) >= self.size:
                self.limit = distinct[self.size - 1]

    def rows(self) -> np.ndarray:
        """Return which of the stored texts are drawn, in the order of the stream: of two copies the earlier one."""
        hashes = self.hashes.array()
        # In the order of the hashes.
        first: np.ndarray = np.unique(hashes, return_index=True)[1]
        return np.sort(first[: self.size])

    def count_distinct(self) -> int:
        """Return how many distinct texts have been offered."""
        return len(np.unique(self.offered.array()))


def read_unlabelled(
    config: TransferSetConfig,
    limits: PrepareConfig,
    train: Iterable[TextOrPair],
    held_out: Iterable[TextOrPair],
    policy: Policy = PLAIN,
    is_pair: bool = False,
    folder: Path | None = None,
) -> Unlabelled:
    """Return at most ``config.texts`` texts of ``config.path``: cleaned as labelled ones are, none of them a copy of
    another or of a training text, none with a held-out text or a long run of one inside.

    Of pairs none has both of its texts so: one of them may stand in held-out pairs too, beside another text, as it may
    in the labelled ones. Raises GraftError for files of lines, which hold no pairs.
    What is too much for memory is kept in ``folder``, or where the system keeps temporary files.
    """
    folder = folder or Path(tempfile.gettempdir())
    refusals = Refusals()
    changed: Counter[str] = Counter()
    sample = Sample(config.texts, folder, is_pair)
    rows_in = 0
    if config.texts:
        known = np.unique(_hash_keys(map(key_of, train), config.seed))
        measured = HeldOut((side for text in held_out for side in sides_of(text)), folder)
        rows = _iter_rows(config, is_pair)
        while batch := list(islice(rows, BATCH)):
            rows_in += len(batch)
            frame = _clean(batch, limits, policy, refusals, changed)
            texts = frame["text"].tolist()
            hashes = _hash_keys([key_of(text) for text in texts], config.seed)
            copies = np.where(is_among(hashes, known), "training_text", "")
            sides = zip(*map(sides_of, texts), strict=True)
            held = [measured.find([loose_key(text) for text in side]) for side in sides]
            reasons = np.where(np.all(held, axis=0), "held_out", copies) if held else copies
            frame = refusals.drop(frame.assign(hash=hashes), reasons)
            sample.offer(frame["id"].tolist(), frame["text"].tolist(), frame["hash"].to_numpy())
    drawn = sample.rows()
    distinct = sample.count_distinct()
    offered = rows_in - refusals.total
    counts = refusals.counts | {"duplicate": offered - distinct, "not_drawn": distinct - len(drawn)}
    summary = {
        "rows_in": rows_in,
        "rows_kept": len(drawn),
        "refused": {reason: count for reason, count in counts.items() if count},
        "refused_examples": refusals.examples,
        "changed": dict(changed),
    }
    return Unlabelled(sample.stored, drawn, summary)


def _iter_rows(config: TransferSetConfig, is_pair: bool) -> Iterator[tuple[str, Row]]:
    for name, path in _find_files(Path(config.path)):
        for number, row in enumerate(_iter_file(path, config, is_pair), 1):
            yield unlabelled_id(name, number), row


def _find_files(path: Path) -> list[tuple[str, Path]]:
    """Return name and path of every file to read, by name: ``path`` itself, or what is in it but for hidden files."""
    if path.is_file():
        files = {path.name: path}
    elif path.is_dir():
        found = (file for file in path.rglob("*") if file.is_file() or file.is_symlink())
        files = {file.relative_to(path).as_posix(): file for file in found}
        files = {name: file for name, file in files.items() if not re.search(r"(^|/)\.", name)}
    else:
        raise GraftError(f"{path} is missing; set {SECTION}.path to a file or a folder, which may be empty")
    for file in files.values():
        if not file.is_file():
            # DVC does not look behind it either: texts there could change unseen.
            raise GraftError(
                f"{file} is a link to no file, and not followed; put the files there, or name their folder as "
                f"{SECTION}.path"
            )
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


def _hash_keys(keys: Iterable[str], seed: int) -> np.ndarray:
    """Return a 64-bit hash of each key that depends on ``seed``: (N,) strings → (N,) uint64."""
    secret = seed.to_bytes(4, "little")
    digests = b"".join(blake2b(key.encode(), digest_size=8, key=secret).digest() for key in keys)
    return np.frombuffer(digests, dtype="<u8")
