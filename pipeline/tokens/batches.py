"""Batches from token tables: vectorised padding, no Python work per row."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch.utils.data import Dataset

from pipeline.tokens.table import TokenTable, flat_positions


class Signal(Protocol):
    """What is known of each row beside its tokens: an array with one entry per row, or what answers like one."""

    def __getitem__(self, rows: np.ndarray, /) -> np.ndarray:
        """Return the entries of ``rows`` (B,), (B, …)."""


class TokenDataset(Dataset):
    """The row numbers of a token table; ``BatchCollator`` turns a list of them into tensors at once.

    ``signals`` have one entry per row of the table, such as ``teacher_logits`` (N, labels).
    """

    def __init__(self, table: TokenTable, signals: Mapping[str, Signal] | None = None) -> None:
        self.table = table
        self.signals = dict(signals or {})
        self.lengths: list[int] = table.lengths.tolist()

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, row: int) -> tuple["TokenDataset", int]:
        return self, row


class BatchCollator:
    """Rows of one dataset to padded tensors."""

    def __init__(self, pad_token_id: int) -> None:
        self.pad_token_id = pad_token_id

    def __call__(self, items: Sequence[tuple[TokenDataset, int]]) -> dict[str, torch.Tensor]:
        """Return ``input_ids`` and ``attention_mask`` (B, T), ``labels`` (B,) if known, and the signals."""
        dataset = items[0][0]
        rows = np.fromiter((row for _, row in items), np.int64, len(items))
        batch = pad_rows(dataset.table, rows, self.pad_token_id)
        if dataset.table.labels is not None:
            batch["labels"] = torch.from_numpy(dataset.table.labels[rows])
        for name, values in dataset.signals.items():
            entries = values[rows]
            kind = np.int64 if np.issubdtype(entries.dtype, np.integer) else np.float32
            batch[name] = torch.from_numpy(np.asarray(entries, kind))
        return batch


def pad_rows(table: TokenTable, rows: np.ndarray, pad_token_id: int) -> dict[str, torch.Tensor]:
    """Pad ``rows`` of ``table`` on the right to the longest: ``input_ids`` and ``attention_mask``, (B, T) int64.

    Of pairs also ``token_type_ids`` (B, T): 1 for the tokens of the second text, 0 for those of the first and padding.
    """
    flat, mask = flat_positions(table, rows)
    padded = np.full(mask.shape, pad_token_id, np.int64)
    padded[mask] = table.input_ids[flat]
    batch = {"input_ids": torch.from_numpy(padded), "attention_mask": torch.from_numpy(mask.astype(np.int64))}
    if table.second is not None:
        types = mask & (np.arange(mask.shape[1]) >= table.second[rows][:, None])
        batch["token_type_ids"] = torch.from_numpy(types.astype(np.int64))
    return batch


def batches_by_length(lengths: np.ndarray, batch_tokens: int) -> Iterator[np.ndarray]:
    """Yield row numbers, longest texts first, so that rows × longest stays within ``batch_tokens``."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, batch_tokens // max(int(lengths[order[start]]), 1))
        yield order[start : start + size]
        start += size
