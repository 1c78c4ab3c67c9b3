"""The transfer set: the texts without labels that the teacher reads once, and students learn from."""

import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.settings.prepare import TransferSetConfig
from pipeline.spool import BATCH, Spool
from pipeline.text.augmentation import Corpus, make_copies
from pipeline.text.deduplication import key_of
from pipeline.text.hashing import first_with, hash_texts, is_among
from pipeline.text.pair_augmentation import make_pair_copies
from pipeline.text.pairs import SECOND, TextOrPair, text_columns, texts_in, written_out
from pipeline.text.stored import StoredTexts


def build_transfer_set(
    train: pd.DataFrame, held_out: pd.DataFrame, unlabelled: pd.DataFrame, config: TransferSetConfig
) -> pd.DataFrame:
    """Return what ``transfer_tables`` yields of whole tables as one."""
    place = Path(tempfile.gettempdir())
    tables = transfer_tables([train], [held_out], [unlabelled], config, place, SECOND in train)
    return pd.concat(tables, ignore_index=True)


def transfer_tables(
    train: Iterable[pd.DataFrame],
    held_out: Iterable[pd.DataFrame],
    unlabelled: Iterable[pd.DataFrame],
    config: TransferSetConfig,
    folder: Path,
    is_pair: bool = False,
) -> Iterator[pd.DataFrame]:
    """Yield ids and texts: those of train in their order, the unlabelled ones, then altered copies of train's.

    ``train`` and ``unlabelled`` come in parts with the columns id and text, and no text of ``held_out`` (column text);
    of pairs all have text_pair too. A copy that turned into one but for case and punctuation is left out, and so is one
    that equals a text or an earlier copy. Longer runs need no search: a copy holds words of texts that may be learnt
    from, and of no others. What is too much for memory is kept in ``folder``.
    """
    known, hashes, trained = StoredTexts(folder, is_pair), Spool(folder, np.uint64), 0
    for part, tables in enumerate((train, unlabelled)):
        for table in tables:
            texts = texts_in(table)
            known.append(table["id"].tolist(), texts)
            hashes.append(hash_texts(map(written_out, texts)))
            yield table[["id", *text_columns(table)]]
        trained = len(known) if not part else trained
    if not config.copies or not trained:
        return
    keys = [hash_texts(map(key_of, texts_in(table))) for table in held_out]
    copies, kept = _copies(known, trained, np.sort(hashes.array()), np.sort(np.concatenate(keys)), config, folder)
    yield from (table for _, table in copies.batches(kept))


def _copies(
    known: StoredTexts,
    trained: int,
    hashes: np.ndarray,
    measured: np.ndarray,
    config: TransferSetConfig,
    folder: Path,
) -> tuple[StoredTexts, np.ndarray]:
    """Return the copies of the first ``trained`` texts that are ``known``, and the numbers of those that may be learnt.

    ``hashes`` of the known texts, and ``measured``, of the held-out texts' loose keys, are sorted.
    """
    copies, new, allowed = StoredTexts(folder, len(known.sides) > 1), Spool(folder, np.uint64), Spool(folder, np.bool_)
    made = _make(known, trained, config)
    while batch := list(islice(made, BATCH)):
        texts = [text for _, text in batch]
        copies.append([name for name, _ in batch], texts)
        new.append(hash_texts(map(written_out, texts)))
        allowed.append(~is_among(hash_texts(map(key_of, texts)), measured))
    array = new.array()
    kept = allowed.array() & ~is_among(array, hashes) & (first_with(array) == np.arange(len(array)))
    return copies, np.flatnonzero(kept)


def _make(known: StoredTexts, trained: int, config: TransferSetConfig) -> Iterator[tuple[str, TextOrPair]]:
    corpora = [Corpus(side) for side in known.sides]
    tables = known.batches(np.arange(trained))
    rows = (row for _, table in tables for row in zip(table["id"].tolist(), texts_in(table), strict=True))
    if len(corpora) > 1:
        yield from make_pair_copies(rows, corpora, config.copies, config.kinds, config.seed)
    else:
        single = ((name, str(text)) for name, text in rows)
        yield from make_copies(single, corpora[0], config.copies, config.kinds, config.seed)
