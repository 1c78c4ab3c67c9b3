"""``python -m pipeline.stages.finetune NAME``: a pretrained model becomes a teacher of the task.

Reads ``finetune``, ``teachers.NAME``, the pretrained model, token tables with labels. Writes
``models/teacher/NAME/``: weights, configuration, tokenizer, ``curve.csv``, ``training.json``.
"""

import math
from pathlib import Path

from pipeline.artifacts import read_json
from pipeline.models.encoder import load_pretrained_encoder
from pipeline.params import load_params
from pipeline.stages.entry import run
from pipeline.tokens.encoding import load_tokenizer
from pipeline.tokens.table import read_tokens
from pipeline.training.folder import publish_model
from pipeline.training.machine import seed_everything
from pipeline.training.trainer import train


def main(name: str) -> None:
    """Fine-tune the teacher ``name``."""
    params = load_params()
    teacher, config = params.section("teachers", name), params.finetune
    tokens = Path("data/tokenized") / teacher.tokenizer
    tables = {split: read_tokens(tokens / f"{split}.arrow") for split in ("train", "validation")}
    tokenizer = load_tokenizer(tokens / "tokenizer")
    seed_everything(teacher.seed)
    labels = read_json(Path("data/prepared/labels.json"))["labels"]
    model = load_pretrained_encoder(Path("models/pretrained") / teacher.pretrained, labels, tokenizer)
    steps = math.ceil(math.ceil(len(tables["train"]) / config.batch_size) * config.epochs)
    trained = train(model, tables, tokenizer.pad_token_id, config, steps, config.evaluations, teacher.seed)
    publish_model(Path("models/teacher") / name, trained, tokenizer)


if __name__ == "__main__":
    run(main)
