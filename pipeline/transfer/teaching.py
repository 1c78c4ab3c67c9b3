"""What a teacher says of texts: logits, sentence vectors and, where asked for, the states of their tokens."""

from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedModel

from pipeline.tokens.table import TokenTable, flat_positions, slice_rows
from pipeline.training.prediction import read_batches, to_half, to_numpy

# Texts that the principal axes of the token states are computed from.
SAMPLE = 512


@dataclass(frozen=True)
class Axes:
    """Where token states are stored: their mean (D,) and their first principal axes (D, width)."""

    mean: np.ndarray
    directions: np.ndarray


@dataclass(frozen=True)
class Said:
    """What a teacher said of N texts: ``logits`` (N, labels) float32, ``pooled`` (N, width) float16 and ``tokens``
    (total tokens, width) float16, None if they were not asked for.
    """

    logits: np.ndarray
    pooled: np.ndarray
    tokens: np.ndarray | None


def read_shard(
    model: PreTrainedModel,
    table: TokenTable,
    pad_token_id: int,
    batch_tokens: int,
    precision: str,
    axes: Axes | None = None,
) -> Said:
    """Read ``table`` with the teacher ``model``; token states are kept along ``axes``, none without them."""
    logits = np.empty((len(table), model.config.num_labels), np.float32)
    pooled = np.empty((len(table), model.classifier.in_features), np.float16)
    tokens = None if axes is None else np.zeros((len(table.input_ids), axes.directions.shape[1]), np.float16)
    for rows, outputs in read_batches(model, table, pad_token_id, batch_tokens, precision):
        logits[rows] = to_numpy(outputs.logits)
        pooled[rows] = to_half(to_numpy(outputs["pooled"]))
        if axes is not None and tokens is not None:
            flat, mask = flat_positions(table, rows)
            tokens[flat] = to_half((to_numpy(outputs["tokens"])[mask] - axes.mean) @ axes.directions)
    return Said(logits, pooled, tokens)


def principal_axes(model: PreTrainedModel, table: TokenTable, pad_token_id: int, width: int) -> Axes:
    """The first ``width`` principal axes of the token states of evenly spaced texts of ``table``."""
    rows = np.unique(np.linspace(0, len(table) - 1, min(SAMPLE, len(table))).astype(np.int64))
    sample = slice_rows(table, rows)
    said = [
        to_numpy(outputs["tokens"])[flat_positions(sample, rows)[1]]
        for rows, outputs in read_batches(model, sample, pad_token_id, 4096, "fp32")
    ]
    states = np.concatenate(said).astype(np.float64)
    mean = states.mean(axis=0)
    _, directions = np.linalg.eigh((states - mean).T @ (states - mean))
    directions = directions[:, ::-1][:, :width]
    # An eigenvector's sign is arbitrary; its largest entry is made positive so that every machine agrees.
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), range(directions.shape[1])])
    return Axes(mean.astype(np.float32), directions.astype(np.float32))
