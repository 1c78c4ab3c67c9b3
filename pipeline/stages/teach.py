"""``python -m pipeline.stages.teach NAME``: the teacher reads the transfer set once.

Reads ``teach``, ``models/teacher/NAME/`` and the transfer set's token table. Writes
``signals/NAME/``: ``logits.npy`` (N, labels) float32, ``pooled.npy`` (N, width) float16,
``ids.parquet``, the row each belongs to, and, where ``teach.token_states`` asks for them,
``tokens.npy`` (total tokens, token_states) float16 beside ``tokens.arrow``, the tokens' table.
The set is read in shards; a killed run is taken up after its last whole shard.
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from pipeline.artifacts import join_arrays, publish, write_array, write_parquet
from pipeline.models.registry import load_model
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.teach import TeachConfig
from pipeline.settings.teachers import TeacherConfig
from pipeline.stages.entry import run
from pipeline.tokens.encoding import load_tokenizer
from pipeline.tokens.table import TokenTable, read_tokens, slice_rows, write_tokens
from pipeline.training.checkpoints import unfinished_work
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
    with unfinished_work(f"teach@{name}", {"teach": params.teach}, [folder, tokens]) as work:
        shards = _read_in_shards(folder, table, params.teach, work, f"teach@{name}")
        with publish(Path("signals") / name) as partial:
            for signal in ("logits", "pooled", *(["tokens"] if params.teach.token_states else [])):
                join_arrays(partial / f"{signal}.npy", [shard / f"{signal}.npy" for shard in shards])
            write_parquet(partial / "ids.parquet", pd.DataFrame({"id": table.ids.to_pandas()}))
            if params.teach.token_states:
                write_tokens(partial / "tokens.arrow", table)


def _read_in_shards(folder: Path, table: TokenTable, config: TeachConfig, work: Path, title: str) -> list[Path]:
    """Read what no earlier run has read; return the folders of all shards, in the order of the rows."""
    model = load_model(folder)
    pad = load_tokenizer(folder).pad_token_id
    axes = principal_axes(model, table, pad, config.token_states) if config.token_states else None
    shards, read, began = [], 0, time.monotonic()
    with tqdm(total=len(table), desc=title, unit="text", mininterval=1.0) as progress:
        for start in range(0, len(table), config.shard_texts):
            rows = np.arange(start, min(start + config.shard_texts, len(table)))
            shards.append(work / f"{start:012d}")
            if not shards[-1].exists():
                said = read_shard(model, slice_rows(table, rows), pad, config.batch_tokens, config.precision, axes)
                with publish(shards[-1]) as partial:
                    for signal, values in vars(said).items():
                        if values is not None:
                            write_array(partial / f"{signal}.npy", values)
                read += len(rows)
            progress.update(len(rows))
    seconds = max(time.monotonic() - began, 1e-9)
    print(f"{title}: {read:,} texts read, {read / seconds:,.0f} a second; {len(table) - read:,} from an earlier run")
    return shards


if __name__ == "__main__":
    run(main)
