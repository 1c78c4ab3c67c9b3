"""``python -m pipeline.stages.vocabulary NAME``: what the teachers say of every token of a tokenizer.

Reads ``teachers``, ``models/teacher/`` and the tokenizer ``NAME`` with its transfer set. Writes
``models/vocabulary/NAME/``: ``vectors.npy`` (V, width) float32, the pooled state of each token read
alone, teachers side by side, and ``counts.npy`` (V,), how often it occurs in the transfer set.
"""

from pathlib import Path

import numpy as np

from pipeline.artifacts import publish, write_array
from pipeline.models.registry import load_model
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.teachers import TeacherConfig
from pipeline.stages.entry import run
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.tokens.table import read_tokens
from pipeline.training.prediction import predict
from pipeline.transfer.warm_start import token_counts, token_texts


class Settings(Sections):
    """What this stage reads of params.yaml."""

    teachers: dict[str, TeacherConfig]


def main(name: str) -> None:
    """Read the vocabulary of the tokenizer ``name`` through every teacher."""
    params = read_sections(Settings)
    tokens = Path("data/tokenized") / name
    tokenizer = load_tokenizer(tokens / "tokenizer")
    texts = token_texts(tokenizer)
    vectors = np.concatenate([_read(Path("models/teacher") / teacher, texts) for teacher in params.teachers], axis=1)
    vectors[[not text for text in texts]] = 0
    with publish(Path("models/vocabulary") / name) as partial:
        write_array(partial / "vectors.npy", vectors)
        write_array(partial / "counts.npy", token_counts(read_tokens(tokens / "transfer.arrow"), len(texts)))


def _read(folder: Path, texts: list[str]) -> np.ndarray:
    tokenizer = load_tokenizer(folder)
    table, _ = encode(tokenizer, texts, texts, tokenizer.model_max_length)
    _, pooled = predict(load_model(folder), table, tokenizer.pad_token_id, 4096, "fp32", f"vocabulary of {folder}")
    return pooled.astype(np.float32)


if __name__ == "__main__":
    run(main)
