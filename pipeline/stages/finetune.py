"""``python -m pipeline.stages.finetune NAME``: a pretrained model becomes a teacher of the task.

Reads ``finetune``, ``teachers.NAME``, the pretrained model, token tables with labels. Writes
``models/teacher/NAME/``: weights, configuration, tokenizer, ``curve.csv``, ``training.json``.
A killed run goes on from its last checkpoint.
"""

import math
from pathlib import Path

from pipeline.artifacts import read_json
from pipeline.models.encoder import load_pretrained_encoder
from pipeline.settings.finetune import FinetuneConfig
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.teachers import TeacherConfig
from pipeline.stages.entry import run
from pipeline.task import task_of
from pipeline.tokens.encoding import load_tokenizer
from pipeline.tokens.table import read_tokens
from pipeline.training.checkpoints import unfinished_work
from pipeline.training.folder import publish_model
from pipeline.training.machine import seed_everything
from pipeline.training.start import start_near
from pipeline.training.together import say
from pipeline.training.trainer import train

LABELS = Path("data/prepared/labels.json")
READ = ("train.arrow", "validation.arrow", "tokenizer")


class Settings(Sections):
    """What this stage reads of params.yaml."""

    finetune: FinetuneConfig
    teachers: dict[str, TeacherConfig]


def main(name: str) -> None:
    """Fine-tune the teacher ``name``."""
    params = read_sections(Settings)
    teacher: TeacherConfig = params.section("teachers", name)
    config, tuning = teacher.tuning.applied_to(params.finetune), teacher.tuning
    tokens = Path("data/tokenized") / teacher.tokenizer
    tables = {split: read_tokens(tokens / f"{split}.arrow") for split in ("train", "validation")}
    tokenizer = load_tokenizer(tokens / "tokenizer")
    seed_everything(teacher.seed)
    task = task_of(read_json(LABELS))
    pretrained = Path("models/pretrained") / teacher.pretrained
    model = load_pretrained_encoder(pretrained, task.labels, tokenizer, changes=teacher.config, pooling=tuning.pooling)
    task.describe(model.config)
    start_near(model, tables["train"].labels)
    steps = math.ceil(math.ceil(len(tables["train"]) / config.batch_size) * config.epochs)
    told = {"finetune": config, "teacher": teacher}
    with unfinished_work(f"finetune@{name}", told, [pretrained, *(tokens / each for each in READ), LABELS]) as work:
        trained = train(
            model, tables, tokenizer.pad_token_id, config, steps, config.evaluations, teacher.seed, None, work, tuning
        )
        publish_model(Path("models/teacher") / name, trained, tokenizer)
    say(f"finetune@{name}: {trained.course}")


if __name__ == "__main__":
    run(main, distributed=True)
