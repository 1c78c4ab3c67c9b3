"""Reading many texts with a model: longest first, batches of equal token count, rows back in order."""

from collections.abc import Iterator

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from pipeline.models.outputs import PooledClassifierOutput
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
    with tqdm(total=len(table), desc=title, unit="text", mininterval=1.0, disable=title is None) as progress:
        for rows, outputs in read_batches(model, table, pad_token_id, batch_tokens, precision):
            logits[rows] = to_numpy(outputs.logits)
            states = to_numpy(outputs["pooled"])
            if pooled is None:
                pooled = np.empty((len(table), states.shape[1]), np.float16)
            pooled[rows] = states
            progress.update(len(rows))
    return logits, pooled if pooled is not None else np.empty((0, 0), np.float16)


def read_batches(
    model: PreTrainedModel, table: TokenTable, pad_token_id: int, batch_tokens: int, precision: str
) -> Iterator[tuple[np.ndarray, PooledClassifierOutput]]:
    """Yield row numbers (B,) and what the model says of them, until every row of ``table`` is read."""
    place = device()
    model = model.to(place).eval()
    for rows in batches_by_length(table.lengths, batch_tokens):
        batch = {name: value.to(place) for name, value in pad_rows(table, rows, pad_token_id).items()}
        # Entered anew for each batch: a generator must not leave its caller in inference mode.
        with torch.inference_mode(), torch.autocast(place.type, torch.bfloat16, enabled=use_bf16(precision)):
            outputs = model(**batch)
        yield rows, outputs


def to_numpy(states: torch.Tensor) -> np.ndarray:
    """Bring a tensor to float32 in memory."""
    array: np.ndarray = states.float().cpu().numpy()
    return array
