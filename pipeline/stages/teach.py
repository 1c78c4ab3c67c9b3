"""``python -m pipeline.stages.teach NAME``: the teacher reads the transfer set once.

Reads ``teach``, ``models/teacher/NAME/`` and the transfer set's token table. Writes
``signals/NAME/``: ``logits.npy`` (N, labels) float32, ``pooled.npy`` (N, width) float16,
``ids.parquet``, the row each belongs to, and, where ``teach.token_states`` asks for them,
``tokens.npy`` (total tokens, token_states) float16 beside ``tokens.arrow``, the tokens' table.
The set is read in shards, by several processes each in their turn, so that the signals are the same for any number of
processes; a killed run is taken up after its last whole shard.
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from pipeline.artifacts import join_arrays, parquet_rows, publish, write_array
from pipeline.errors import GraftError
from pipeline.models.registry import load_model
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.teach import TeachConfig
from pipeline.settings.teachers import TeacherConfig
from pipeline.stages.entry import run
from pipeline.tokens.encoding import load_tokenizer
from pipeline.tokens.table import TokenTable, read_tokens, slice_rows, write_tokens
from pipeline.training.checkpoints import unfinished_work
from pipeline.training.ranks import is_main_rank, rank, world_size
from pipeline.training.together import say, told_by_main, wait_for_all
from pipeline.transfer.teaching import principal_axes, read_shard


class Settings(Sections):
    """What this stage reads of params.yaml."""

    teachers: dict[str, TeacherConfig]
    teach: TeachConfig


def main(name: str) -> None:
    """Store what the teacher ``name`` says of every text."""
    params = read_sections(Settings)
    folder = Path("models/teacher") / name
    tokens = Path("data/tokenized") / params.section("teachers", name).tokenizer / "transfer.arrow"
    table = read_tokens(tokens)
    with unfinished_work(f"teach@{name}", {"teach": params.teach}, [folder, tokens], any_world=True) as work:
        shards = _read_in_shards(folder, table, params.teach, work, f"teach@{name}")
        if not is_main_rank():
            return
        with publish(Path("signals") / name) as partial:
            for signal in ("logits", "pooled", *(["tokens"] if params.teach.token_states else [])):
                join_arrays(partial / f"{signal}.npy", [shard / f"{signal}.npy" for shard in shards])
            with parquet_rows(partial / "ids.parquet") as ids:
                for start in range(0, max(len(table), 1), params.teach.shard_texts):
                    ids.append(pd.DataFrame({"id": table.ids.slice(start, params.teach.shard_texts).to_pandas()}))
            if params.teach.token_states:
                write_tokens(partial / "tokens.arrow", table)


def _read_in_shards(folder: Path, table: TokenTable, config: TeachConfig, work: Path, title: str) -> list[Path]:
    """Read what no earlier run has read; return the folders of all shards, in the order of the rows."""
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


if __name__ == "__main__":
    run(main, distributed=True)
