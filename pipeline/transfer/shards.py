"""What a model says of a whole transfer set, read in shards that a killed run need not read again.

Several processes each read their turn; the shards have the same bytes for any number of them.
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from pipeline.artifacts import join_arrays, parquet_rows, publish, write_array
from pipeline.errors import GraftError
from pipeline.models.registry import load_model
from pipeline.settings.teach import TeachConfig
from pipeline.tokens.encoding import load_tokenizer
from pipeline.tokens.table import TokenTable, slice_rows, write_tokens
from pipeline.training.ranks import is_main_rank, rank, world_size
from pipeline.training.together import say, told_by_main, wait_for_all
from pipeline.transfer.teaching import principal_axes, read_shard


def read_in_shards(folder: Path, table: TokenTable, config: TeachConfig, work: Path, title: str) -> list[Path]:
    """Read ``table`` with the model in ``folder``, but for what lies in ``work`` already.

    Returns the folders of all shards, in the order of the rows. Raises GraftError if another process's shards do not
    come to lie in ``work``.
    """
    starts = range(0, len(table), config.shard_texts)
    shards = [work / f"{start:012d}" for start in starts]
    missing = told_by_main([at for at, shard in enumerate(shards) if not shard.exists()])
    began, own = time.monotonic(), missing[rank() :: world_size()]
    parts = {at: np.arange(starts[at], min(starts[at] + config.shard_texts, len(table))) for at in missing}
    model = load_model(folder)
    pad = load_tokenizer(folder).pad_token_id
    axes = None
    if config.token_states:
        # Of one process: a shard's axes must be those of the others to the last digit.
        axes = told_by_main(principal_axes(model, table, pad, config.token_states) if is_main_rank() else None)
    total = sum(len(parts[at]) for at in own)
    with tqdm(total=total, desc=title, unit="text", mininterval=1.0, disable=not is_main_rank()) as progress:
        for at in own:
            said = read_shard(model, slice_rows(table, parts[at]), pad, config.batch_tokens, config.precision, axes)
            with publish(shards[at]) as partial:
                for signal, values in vars(said).items():
                    if values is not None:
                        write_array(partial / f"{signal}.npy", values)
            progress.update(len(parts[at]))
    wait_for_all()
    if unseen := [shard for shard in shards if not shard.exists()]:
        raise GraftError(f"{unseen[0]} was written by another process, which does not share that folder with this one")
    seconds, read = max(time.monotonic() - began, 1e-9), sum(map(len, parts.values()))
    say(f"{title}: {read:,} texts read, {read / seconds:,.0f} a second; {len(table) - read:,} from an earlier run")
    return shards


def join_shards(folder: Path, shards: list[Path], table: TokenTable, config: TeachConfig) -> None:
    """Write to ``folder`` what the ``shards`` of ``table`` hold together.

    That is ``logits.npy`` (N, labels) float32, ``pooled.npy`` (N, width) float16, ``ids.parquet``, the row each belongs
    to, and, where ``config.token_states`` asks for them, ``tokens.npy`` (total tokens, token_states) float16 beside
    ``tokens.arrow``, the tokens' table.
    """
    for signal in ("logits", "pooled", *(["tokens"] if config.token_states else [])):
        join_arrays(folder / f"{signal}.npy", [shard / f"{signal}.npy" for shard in shards])
    with parquet_rows(folder / "ids.parquet") as ids:
        for start in range(0, max(len(table), 1), config.shard_texts):
            ids.append(pd.DataFrame({"id": table.ids.slice(start, config.shard_texts).to_pandas()}))
    if config.token_states:
        write_tokens(folder / "tokens.arrow", table)
