"""``python -m pipeline.stages.teach NAME``: the teacher reads the transfer set once.

Reads ``teach``, ``models/teacher/NAME/`` and the transfer set's token table. Writes ``signals/NAME/``, laid out as
``pipeline.transfer.shards.join_shards`` says. The set is read in shards, by several processes each in their turn, so
that the signals are the same for any number of processes; a killed run is taken up after its last whole shard.
"""

from pathlib import Path

from pipeline.artifacts import publish
from pipeline.settings.folders import SIGNALS
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.teach import TeachConfig
from pipeline.settings.teachers import TeacherConfig
from pipeline.stages.entry import run
from pipeline.tokens.table import read_tokens
from pipeline.training.checkpoints import unfinished_work
from pipeline.training.ranks import is_main_rank
from pipeline.transfer.shards import join_shards, read_in_shards


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
        shards = read_in_shards(folder, table, params.teach, work, f"teach@{name}")
        if not is_main_rank():
            return
        with publish(Path(SIGNALS) / name) as partial:
            join_shards(partial, shards, table, params.teach)


if __name__ == "__main__":
    run(main, distributed=True)
