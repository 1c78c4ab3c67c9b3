"""Token tables: many tokenized texts as two flat arrays, on disk as memory-mapped Arrow."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from datasets import Dataset

from pipeline.artifacts import publish, required
from pipeline.spool import Spool, TextSpool


@dataclass(frozen=True)
class TokenTable:
    """N tokenized texts.

    ``input_ids`` (total tokens,) int32 holds text i at ``offsets[i]:offsets[i + 1]``; ``offsets`` is
    (N + 1,) int64; ``labels`` (N,) int64, (N, labels) float32 or None; ``ids`` the N row ids as
    Arrow strings; ``spans`` (total tokens, 2) int32 or None, the characters [start, end) of its text
    that each token stands for, (0, 0) for a token that stands for none; ``second`` (N,) int32, of pairs alone: the
    first of a pair's tokens that belongs to its second text.
    """

    ids: pa.Array
    input_ids: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray | None = None
    spans: np.ndarray | None = None
    second: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, (N,) int64."""
        return np.diff(self.offsets)


def write_tokens(target: Path, table: TokenTable) -> None:
    """Publish ``table`` as an Arrow stream; the bytes depend on the values alone."""
    offsets = pa.array(table.offsets)
    columns = {
        "id": table.ids.cast(pa.large_string()),
        "input_ids": pa.LargeListArray.from_arrays(offsets, pa.array(table.input_ids)),
    }
    if table.labels is not None:
        columns["label"] = _column(table.labels)
    if table.spans is not None:
        columns["spans"] = pa.LargeListArray.from_arrays(offsets, _column(table.spans))
    if table.second is not None:
        columns["second"] = pa.array(table.second)
    arrow = pa.table(columns)
    with (
        publish(target) as partial,
        pa.OSFile(str(partial), "wb") as sink,
        pa.ipc.new_stream(sink, arrow.schema) as out,
    ):
        out.write_table(arrow)


class TokenSpool:
    """Token tables of the same columns, one after another, on disk until they are written as one."""

    def __init__(self, folder: Path) -> None:
        """Begin with no row; ``folder`` exists, and has room."""
        self.folder = folder
        self.ids = TextSpool(folder)
        self.offsets = Spool(folder, np.int64)
        self.offsets.append(np.zeros(1, np.int64))
        self.columns: dict[str, Spool] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def append(self, table: TokenTable) -> None:
        """Add the rows of ``table``."""
        begin = len(self.columns["input_ids"]) if self.columns else 0
        self.ids.append(table.ids.to_pylist())
        self.offsets.append(begin + table.offsets[1:])
        for name in ("input_ids", "labels", "spans", "second"):
            values = getattr(table, name)
            if values is not None:
                column = self.columns.setdefault(name, Spool(self.folder, values.dtype, *values.shape[1:]))
                column.append(values)

    def table(self) -> TokenTable:
        """Return all rows, memory-mapped."""
        columns = {name: column.array() for name, column in self.columns.items()}
        tokens = columns.pop("input_ids", np.empty(0, np.int32))
        return TokenTable(self.ids.arrow(), tokens, self.offsets.array(), **columns)


def read_tokens(path: Path) -> TokenTable:
    """Memory-map what ``write_tokens`` wrote; no cache file is written beside it."""
    arrow: pa.Table = Dataset.from_file(str(required(path))).data.table.combine_chunks()
    tokens = arrow.column("input_ids")
    if tokens.num_chunks == 0:
        return TokenTable(pa.array([], pa.large_string()), np.empty(0, np.int32), np.zeros(1, np.int64))
    column = tokens.chunk(0)
    labels = _values(arrow.column("label").chunk(0)) if "label" in arrow.column_names else None
    spans = None
    if "spans" in arrow.column_names:
        spans = _values(arrow.column("spans").chunk(0).values)
    return TokenTable(
        ids=arrow.column("id").chunk(0),
        input_ids=column.values.to_numpy(),
        offsets=column.offsets.to_numpy(),
        labels=labels,
        spans=spans,
        second=arrow.column("second").chunk(0).to_numpy() if "second" in arrow.column_names else None,
    )


def _column(values: np.ndarray) -> pa.Array:
    """Of (N,) an array, of (N, width) one of lists of that width."""
    if values.ndim == 1:
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _values(column: pa.Array) -> np.ndarray:
    """What ``_column`` was made of."""
    if not pa.types.is_fixed_size_list(column.type):
        return column.to_numpy()
    return column.values.to_numpy().reshape(len(column), column.type.list_size)


def slice_rows(table: TokenTable, rows: np.ndarray) -> TokenTable:
    """The texts ``rows`` of ``table``, in that order."""
    lengths = table.lengths[rows]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    flat = np.arange(offsets[-1]) + np.repeat(table.offsets[rows] - offsets[:-1], lengths)
    return TokenTable(
        ids=table.ids.take(pa.array(rows)),
        input_ids=table.input_ids[flat],
        offsets=offsets,
        labels=None if table.labels is None else table.labels[rows],
        spans=None if table.spans is None else table.spans[flat],
        second=None if table.second is None else table.second[rows],
    )


def flat_positions(table: TokenTable, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the tokens of ``rows`` (B,) lie in the flat arrays, (M,), and in a batch padded on the right, (B, T)."""
    starts = table.offsets[rows]
    lengths = table.offsets[rows + 1] - starts
    columns = np.arange(max(int(lengths.max(initial=1)), 1))
    mask = columns < lengths[:, None]
    return (starts[:, None] + columns)[mask], mask
