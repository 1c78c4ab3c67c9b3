"""``python -m pipeline.stages.tokenize NAME``: prepared text to token tables, once per tokenizer.

Reads ``tokenizers.NAME``, the tokenizer's source folder and ``data/prepared/``. Writes
``data/tokenized/NAME/``: ``train.arrow``, ``validation.arrow`` (with labels), ``transfer.arrow``
(without), the tokenizer, and ``summary.json`` that counts texts that lost their end.
"""

from pathlib import Path

import numpy as np

from pipeline.artifacts import publish, read_json, read_parquet, write_json
from pipeline.params import load_params
from pipeline.stages.entry import run
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.tokens.table import write_tokens

PREPARED = Path("data/prepared")


def main(name: str) -> None:
    """Tokenize every split with the tokenizer ``name``."""
    config = load_params().section("tokenizers", name)
    tokenizer = load_tokenizer(Path(config.source))
    tokenizer.model_max_length = config.max_length
    position = {label: at for at, label in enumerate(read_json(PREPARED / "labels.json")["labels"])}
    folder = Path("data/tokenized") / name
    summary = {}
    for split in ("train", "validation", "transfer"):
        frame = read_parquet(PREPARED / f"{split}.parquet")
        labels = frame["label"].map(position).to_numpy(np.int64) if "label" in frame else None
        table, cut = encode(tokenizer, frame["id"].tolist(), frame["text"].tolist(), config.max_length, labels)
        write_tokens(folder / f"{split}.arrow", table)
        summary[split] = {"texts": len(table), "tokens": len(table.input_ids), "texts_cut": cut}
        print(f"{split}: {len(table)} texts, {len(table.input_ids)} tokens, {cut} texts cut to {config.max_length}")
    with publish(folder / "tokenizer") as partial:
        tokenizer.save_pretrained(str(partial))
    write_json(folder / "summary.json", summary)


if __name__ == "__main__":
    run(main)
