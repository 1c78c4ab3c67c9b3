"""Reading many texts with a model: longest first, batches of equal token count, rows back in order."""

from collections.abc import Iterator

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import PreTrainedModel

from pipeline.models.outputs import PooledClassifierOutput
from pipeline.tokens.batches import batches_by_length, pad_rows
from pipeline.tokens.table import TokenTable
from pipeline.training.machine import compile_if_asked, device, use_bf16, use_tf32


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
            pooled[rows] = to_half(states)
            progress.update(len(rows))
    return logits, pooled if pooled is not None else np.empty((0, 0), np.float16)


def read_batches(
    model: PreTrainedModel, table: TokenTable, pad_token_id: int, batch_tokens: int, precision: str
) -> Iterator[tuple[np.ndarray, PooledClassifierOutput]]:
    """Yield row numbers (B,) and what the model says of them, until every row of ``table`` is read."""
    place = device()
    model = compile_if_asked(model.to(place).eval())
    torch.set_float32_matmul_precision("high" if use_tf32(precision) else "highest")
    batches = (
        (rows, _moved(pad_rows(table, rows, pad_token_id), place))
        for rows in batches_by_length(table.lengths, batch_tokens)
    )
    following = next(batches, None)
    while following is not None:
        rows, batch = following
        # Entered anew for each batch: a generator must not leave its caller in inference mode.
        with torch.inference_mode(), torch.autocast(place.type, torch.bfloat16, enabled=use_bf16(precision)):
            outputs = model(**batch)
        # While a GPU computes, the next batch is padded and on its way.
        following = next(batches, None)
        yield rows, outputs


def _moved(batch: dict[str, torch.Tensor], place: torch.device) -> dict[str, torch.Tensor]:
    if place.type != "cuda":
        return {name: value.to(place) for name, value in batch.items()}
    return {name: value.pin_memory().to(place, non_blocking=True) for name, value in batch.items()}


def to_numpy(states: torch.Tensor) -> np.ndarray:
    """Bring a tensor to float32 in memory."""
    array: np.ndarray = states.float().cpu().numpy()
    return array


def to_half(states: np.ndarray) -> np.ndarray:
    """Bring states to float16; those beyond its range, as MobileBERT has them, to its ends and not to infinity."""
    half = np.finfo(np.float16)
    return np.clip(states, half.min, half.max).astype(np.float16)
