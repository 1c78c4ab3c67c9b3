"""``python -m pipeline.stages.teach NAME``: the teacher reads the transfer set once.

Reads ``teach``, ``models/teacher/NAME/`` and the transfer set's token table. Writes
``signals/NAME/``: ``logits.npy`` (N, labels) float32, ``pooled.npy`` (N, width) float16 and
``ids.parquet``, the row each belongs to.
"""

from pathlib import Path

import pandas as pd

from pipeline.artifacts import write_array, write_parquet
from pipeline.models.registry import load_model
from pipeline.params import load_params
from pipeline.stages.entry import run
from pipeline.tokens.encoding import load_tokenizer
from pipeline.tokens.table import read_tokens
from pipeline.training.prediction import predict


def main(name: str) -> None:
    """Store what the teacher ``name`` says of every text."""
    params = load_params()
    config, teacher = params.teach, params.section("teachers", name)
    folder = Path("models/teacher") / name
    table = read_tokens(Path("data/tokenized") / teacher.tokenizer / "transfer.arrow")
    pad = load_tokenizer(folder).pad_token_id
    logits, pooled = predict(load_model(folder), table, pad, config.batch_tokens, config.precision, f"teach@{name}")
    target = Path("signals") / name
    write_array(target / "logits.npy", logits)
    write_array(target / "pooled.npy", pooled)
    write_parquet(target / "ids.parquet", pd.DataFrame({"id": table.ids.to_pandas()}))


if __name__ == "__main__":
    run(main)
