"""What is remembered of every row that can be used: its texts on disk, and some numbers to decide by."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.settings.data import DataConfig
from pipeline.settings.prepare import PrepareConfig
from pipeline.spool import Spool
from pipeline.text.cleaning import clean_text
from pipeline.text.deduplication import RANK, first_letters, key_of, loose_key
from pipeline.text.hashing import hash_texts
from pipeline.text.labelling import Usable, read_labels
from pipeline.text.pairs import reason_of, text_columns, texts_in, written_out
from pipeline.text.policy import Policy
from pipeline.text.refusals import Refusals
from pipeline.text.sources import RawRows
from pipeline.text.splitting import order_key
from pipeline.text.stored import StoredTexts
from pipeline.text.targets import Labels

# The columns that are remembered, with their kinds: hashes of the text (or pair), of its loose key and of the group
# that was named for it, the letters that the key begins with, places of label, domain and split.
KINDS = {
    "text": np.uint64,
    "key": np.uint64,
    "group": np.uint64,
    "letters": np.uint64,
    "label": np.int32,
    "domain": np.int32,
    "split": np.int8,
}


class Codes:
    """Numbers for names, in the order in which they came, and at last in that of the names."""

    def __init__(self) -> None:
        self.places: dict[Any, int] = {}

    def code(self, names: Iterable[Any]) -> np.ndarray:
        """Return the number of each name."""
        return np.array([self.places.setdefault(name, len(self.places)) for name in names], np.int32)

    def in_order(self, codes: np.ndarray) -> tuple[np.ndarray, list[Any]]:
        """Return ``codes`` as places in the sorted names, and these."""
        names = sorted(self.places)
        places = np.zeros(len(names), np.int32)
        for place, name in enumerate(names):
            places[self.places[name]] = place
        return places[codes], names


@dataclass(frozen=True)
class Facts:
    """N rows that have texts and a label.

    ``columns`` are (N,), by the names of ``KINDS``; ``lengths`` (N,) the characters of each column of texts and, of
    pairs, ``sides`` (N,) the hash of the loose key of each. ``grouped`` says whether rows of several groups were named.
    """

    stored: StoredTexts
    labels: Labels
    domains: list[str]
    columns: dict[str, np.ndarray]
    lengths: dict[str, np.ndarray]
    sides: dict[str, np.ndarray]
    grouped: bool

    def __len__(self) -> int:
        return len(self.stored)

    def id_of(self, row: int) -> str:
        """Return the id of a row."""
        return self.stored.columns["id"][row]

    def key_at(self, row: int) -> str:
        """Return the loose key of a row."""
        return key_of(self.stored.text(row))


def read_facts(
    raw: Iterable[RawRows], data: DataConfig, config: PrepareConfig, policy: Policy, refusals: Refusals, folder: Path
) -> tuple[Facts, Counter[str]]:
    """Clean and label rows that come in parts; return what is remembered, and how many texts each rule changed.

    Those that cannot be used are counted in ``refusals``. What is too much for memory is kept in ``folder``.
    """
    changed: Counter[str] = Counter()
    usable, names, domains = Usable(data), Codes(), Codes()
    stored = StoredTexts(folder, data.is_pair)
    kinds = KINDS | ({"label": np.float64} if data.task == "regression" else {})
    columns = {name: Spool(folder, kind) for name, kind in kinds.items()}
    lengths = {name: Spool(folder, np.int32) for name in stored.columns if name != "id"}
    sides = {name: Spool(folder, np.uint64) for name in lengths if data.is_pair}
    grouped = False
    for part in raw:
        for reason, ids in part.refused.items():
            refusals.add(reason, ids)
        frame = _clean(part.frame, config, policy, refusals, changed)
        given = frame["label"].tolist()
        read, reasons = read_labels(given, data)
        usable.note(frame["id"].tolist(), given, reasons)
        frame = refusals.drop(frame.assign(label=read), reasons)
        grouped = grouped or bool((frame["group"] != frame["id"]).any())
        texts = texts_in(frame)
        stored.append(frame["id"].tolist(), texts)
        keys = list(map(key_of, texts))
        found = {
            "text": hash_texts(map(written_out, texts)),
            # Those that put groups in order tell keys apart as well.
            "key": order_key(keys, config.seed),
            "group": hash_texts(frame["group"]),
            "letters": np.array(list(map(first_letters, keys)), np.uint64),
            "label": frame["label"].to_numpy(float) if data.task == "regression" else names.code(frame["label"]),
            "domain": domains.code(frame["domain"]),
            "split": np.array([RANK.get(split, -1) for split in frame["split"]], np.int8),
        }
        for name, values in found.items():
            columns[name].append(values)
        for name, spool in lengths.items():
            spool.append(np.array(list(map(len, frame[name])), np.int32))
        for name, spool in sides.items():
            spool.append(hash_texts(map(loose_key, frame[name])))
    usable.check()
    arrays = {name: spool.array() for name, spool in columns.items()}
    arrays["domain"], domain_names = domains.in_order(arrays["domain"])
    labels = Labels(arrays["label"], [])
    if data.task != "regression":
        labels = Labels(*names.in_order(arrays["label"]))
    facts = Facts(
        stored,
        labels,
        domain_names,
        arrays,
        {name: spool.array() for name, spool in lengths.items()},
        {name: spool.array() for name, spool in sides.items()},
        grouped,
    )
    return facts, changed


def _clean(
    frame: pd.DataFrame, config: PrepareConfig, policy: Policy, refusals: Refusals, changed: Counter[str]
) -> pd.DataFrame:
    for column in text_columns(frame):
        missing = frame[column].isna().to_numpy()
        frame = refusals.drop(frame, np.where(missing, reason_of(column, "text_missing"), ""))
        cleaned = [clean_text(text, config.min_characters, config.max_characters, policy) for text in frame[column]]
        for each in cleaned:
            changed.update(each.rules)
        texts = pd.Series([each.text for each in cleaned], dtype=object, index=frame.index)
        reasons = np.array([reason_of(column, each.reason) for each in cleaned], dtype=object)
        frame = refusals.drop(frame.assign(**{column: texts}), reasons)
    return frame


def tables_of(facts: Facts, labels: Labels, rows: np.ndarray, domains: np.ndarray) -> Iterator[pd.DataFrame]:
    """Yield the rows with the rising numbers ``rows`` (M,) as tables: ids, texts, label and domain.

    ``labels`` and ``domains`` are those of these rows, (M,).
    """
    for numbers, frame in facts.stored.batches(rows):
        part = np.searchsorted(rows, numbers)
        found = labels.of(part).raw()
        # Arrow makes lists of them, and no tuples.
        found = [list(each) if isinstance(each, tuple) else each for each in found]
        kind = "float" if not labels.values else "object" if isinstance(labels.values[0], tuple) else "str"
        yield frame.assign(
            label=pd.Series(found, dtype=kind, index=frame.index),
            domain=pd.Series([facts.domains[code] for code in domains[part]], dtype=object, index=frame.index),
        )
