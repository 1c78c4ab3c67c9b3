"""The raw text as rows of one shape, wherever it came from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import GraftError
from pipeline.settings.data import DataConfig, FileData, HubData, VaderData
from pipeline.text.cleaning import normalise
from pipeline.text.lines import read_lines
from pipeline.text.pairs import SECOND
from pipeline.text.tables import Table, is_scalar, iter_tables

DOMAINS = ("tweets", "movies", "amazon", "nyt")
BY_DOCUMENT = ("amazon", "nyt")
SPLITS = ("train", "validation", "test")
BATCH = 8192
COLUMNS = ("id", "text", "label", "group", "domain", "split")


@dataclass
class RawRows:
    """Rows as they were found.

    ``frame`` has the columns id, text (None where there is none), label (raw), group, domain and
    split ("" where not given), and of pairs text_pair; ``refused`` holds the ids of rows that could not be taken, by
    reason.
    """

    frame: pd.DataFrame
    refused: dict[str, list[str]] = field(default_factory=dict)

    @property
    def rows_in(self) -> int:
        """All rows, taken or not."""
        return len(self.frame) + sum(len(ids) for ids in self.refused.values())


def read_rows(folder: Path, data: DataConfig) -> RawRows:
    """Read what ``fetch`` put into ``folder`` at once."""
    return _join(list(iter_raw(folder, data)))


def iter_raw(folder: Path, data: DataConfig) -> Iterator[RawRows]:
    """Read what ``fetch`` put into ``folder``, at most ``BATCH`` rows at a time."""
    if isinstance(data, VaderData):
        for domain in DOMAINS:
            yield from _read_vader(folder / f"{domain}.txt", domain)
        return
    tables = {path.stem: path for path in sorted(folder.glob("*")) if path.stem in ("data", *SPLITS)}
    if not tables:
        raise GraftError(f"{folder} holds no table; run `dvc repro fetch`")
    for name in ("data", *SPLITS):
        if name in tables:
            yield from _read_given(tables[name], name, data)


def _read_vader(path: Path, domain: str) -> Iterator[RawRows]:
    """Lines of id, mean rating and text; sentences of a review or an editorial share the id's first half."""
    lines = (line.rstrip("\n") for line in read_lines(path))
    records = enumerate((line.split("\t") for line in lines if line), 1)
    while batch := list(islice(records, BATCH)):
        taken = [record for _, record in batch if len(record) == 3]
        ids = [f"{domain}-{record[0]}" for record in taken]
        groups = [name.split("_")[0] for name in ids] if domain in BY_DOCUMENT else ids
        frame = _frame(
            ids, [record[2] for record in taken], [record[1] for record in taken], groups, [domain] * len(ids), ""
        )
        malformed = [f"{domain}-line-{line}" for line, record in batch if len(record) != 3]
        yield RawRows(frame, {"malformed_row": malformed} if malformed else {})


def _read_given(path: Path, name: str, data: FileData | HubData) -> Iterator[RawRows]:
    asked = (data.text, data.text_pair, *_listed(data.label), data.group, data.domain)
    wanted = [column for column in asked if column is not None]
    encoding = data.encoding if isinstance(data, FileData) else "utf-8"
    split = "" if name == "data" else name
    prefix = split or "row"
    for table in iter_tables(path, list(dict.fromkeys(wanted)), encoding, BATCH):
        ids = [f"{prefix}-{row}" for row in table.rows]
        labels = _labels(table, data)
        groups = ids if data.group is None else _words(table.columns[data.group], ids)
        domains = [""] * len(ids) if data.domain is None else _words(table.columns[data.domain], [""] * len(ids))
        malformed = [f"{prefix}-{row}" for row in table.malformed]
        frame = _frame(ids, _texts(table, data.text), labels, groups, domains, split)
        if data.text_pair is not None:
            frame[SECOND] = pd.Series(_texts(table, data.text_pair), dtype=object)
        yield RawRows(frame, {"malformed_row": malformed} if malformed else {})


def _texts(table: Table, column: str) -> list[str | None]:
    return [value if isinstance(value, str) else None for value in table.columns[column]]


def _listed(label: str | list[str]) -> list[str]:
    return [label] if isinstance(label, str) else label


def _labels(table: Table, data: FileData | HubData) -> list[Any]:
    """Raw labels: a cell each, a list where a text may have several, or what each of several columns says."""
    if isinstance(data.label, list):
        rows = zip(*(table.columns[name] for name in data.label), strict=True)
        return [dict(zip(data.label, row, strict=True)) for row in rows]
    lists = data.task == "multi_label"
    cells = table.columns[data.label]
    return [value if is_scalar(value) or (lists and isinstance(value, list)) else None for value in cells]


def _words(values: Sequence[object], otherwise: Sequence[str]) -> list[str]:
    """Cells as words; an empty one takes its place from ``otherwise``."""
    words = ["" if value is None or value != value else normalise(str(value)) for value in values]
    return [word or other for word, other in zip(words, otherwise, strict=True)]


def _frame(
    ids: Sequence[str],
    texts: Sequence[str | None],
    labels: Sequence[Any],
    groups: Sequence[str],
    domains: Sequence[str],
    split: str,
) -> pd.DataFrame:
    columns: tuple[Sequence[Any], ...] = (ids, texts, labels, groups, domains, [split] * len(ids))
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in zip(COLUMNS, columns, strict=True)})


def _join(parts: list[RawRows]) -> RawRows:
    refused: dict[str, list[str]] = {}
    for part in parts:
        for reason, ids in part.refused.items():
            refused.setdefault(reason, []).extend(ids)
    return RawRows(pd.concat([part.frame for part in parts], ignore_index=True), refused)
