"""``python -m pipeline.stages.control NAME``: the same student from gold labels alone, same budget.

Reads ``budget``, ``students.NAME`` and the labelled token tables. Writes ``models/controls/NAME/``:
weights, configuration, tokenizer, ``curve.csv``, ``training.json``. Validation chooses the
checkpoint, so steps past the best one cost the control nothing. A killed run goes on from its last
checkpoint.
"""

from pathlib import Path

from pipeline.artifacts import read_json
from pipeline.models.registry import student
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.students import BudgetConfig, StudentConfig
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

    budget: BudgetConfig
    students: dict[str, StudentConfig]


def main(name: str) -> None:
    """Train the control of the student ``name``."""
    params = read_sections(Settings)
    settings: StudentConfig = params.section("students", name)
    budget = settings.budget.applied_to(params.budget)
    tokens = Path("data/tokenized") / settings.tokenizer
    tables = {split: read_tokens(tokens / f"{split}.arrow") for split in ("train", "validation")}
    tokenizer = load_tokenizer(tokens / "tokenizer")
    task = task_of(read_json(LABELS))
    seed_everything(budget.seed)
    model = student(settings.architecture, settings.control_config(), tokenizer, task.labels, task.pairs)
    task.describe(model.config)
    start_near(model, tables["train"].labels)
    pad, at = tokenizer.pad_token_id, (budget.steps, budget.evaluations, budget.seed)
    told = {"budget": budget, "student": settings}
    with unfinished_work(f"control@{name}", told, [*(tokens / each for each in READ), LABELS]) as work:
        trained = train(model, tables, pad, budget, *at, work=work, tuning=settings.tuning.of_control())
        publish_model(Path("models/controls") / name, trained, tokenizer)
    say(f"control@{name}: {trained.course}")


if __name__ == "__main__":
    run(main, distributed=True)
