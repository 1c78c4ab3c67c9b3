"""Reading many texts with a model: longest first, batches of equal token count, rows back in order."""

from collections.abc import Iterator

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from pipeline.tokens.batches import batches_by_length, pad_rows
from pipeline.tokens.table import TokenTable
from pipeline.training.machine import device, use_bf16


def predict(
    model: PreTrainedModel, table: TokenTable, pad_token_id: int, batch_tokens: int, precision: str, title: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return logits (N, labels) float32 and pooled states (N, width) float16, rows as in ``table``.

    A progress bar with texts per second runs under ``title``, none if it is None.
    """
    logits = np.empty((len(table), model.config.num_labels), np.float32)
    pooled: np.ndarray | None = None
    for rows, batch_logits, batch_pooled in _batches(model, table, pad_token_id, batch_tokens, precision, title):
        logits[rows] = batch_logits
        if pooled is None:
            pooled = np.empty((len(table), batch_pooled.shape[1]), np.float16)
        pooled[rows] = batch_pooled
    return logits, pooled if pooled is not None else np.empty((0, 0), np.float16)


def _batches(
    model: PreTrainedModel, table: TokenTable, pad_token_id: int, batch_tokens: int, precision: str, title: str | None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    place = device()
    model = model.to(place).eval()
    with (
        torch.inference_mode(),
        torch.autocast(place.type, torch.bfloat16, enabled=use_bf16(precision)),
        tqdm(total=len(table), desc=title, unit="text", mininterval=1.0, disable=title is None) as progress,
    ):
        for rows in batches_by_length(table.lengths, batch_tokens):
            batch = {name: value.to(place) for name, value in pad_rows(table, rows, pad_token_id).items()}
            outputs = model(**batch)
            yield rows, outputs.logits.float().cpu().numpy(), outputs.pooled.float().cpu().numpy()
            progress.update(len(rows))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (N, labels) of logits (N, labels), in float64."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
