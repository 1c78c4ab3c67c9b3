"""``python -m pipeline.stages.round NAME``: a student teaches beside those that taught it.

Reads ``teach``, ``teachers``, ``rounds.NAME``, the student's folder under ``models/students/``, the transfer set's
token table and the signals that the student joins. Writes ``rounds/NAME/``: a folder of each voice, laid out as
``signals/`` is. Students that learn from it learn from the mean of all (born-again networks: Furlanello et al. 2018,
https://arxiv.org/abs/1805.04770). The set is read as in ``teach``: in shards, which a killed run need not read again.
"""

import shutil
from pathlib import Path

from pipeline.artifacts import publish, required
from pipeline.settings.folders import ROUNDS
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.rounds import RoundConfig
from pipeline.settings.teach import TeachConfig
from pipeline.settings.teachers import TeacherConfig
from pipeline.stages.entry import run
from pipeline.tokens.table import read_tokens
from pipeline.training.checkpoints import unfinished_work
from pipeline.training.ranks import is_main_rank
from pipeline.transfer.shards import join_shards, read_in_shards
from pipeline.transfer.voices import voices


class Settings(Sections):
    """What this stage reads of params.yaml."""

    teachers: dict[str, TeacherConfig]
    teach: TeachConfig
    rounds: dict[str, RoundConfig]


def main(name: str) -> None:
    """Store what the round's student says of every text, beside what the others said."""
    params = read_sections(Settings)
    config: RoundConfig = params.section("rounds", name)
    model = required(Path("models/students") / config.student)
    tokens = Path("data/tokenized") / config.tokenizer / "transfer.arrow"
    table = read_tokens(tokens)
    others = voices(config.joins, params.teachers)
    with unfinished_work(f"round@{name}", {"teach": params.teach}, [model, tokens], any_world=True) as work:
        shards = read_in_shards(model, table, params.teach, work, f"round@{name}")
        if not is_main_rank():
            return
        with publish(Path(ROUNDS) / name) as partial:
            for voice, folder in others.items():
                shutil.copytree(required(folder), partial / voice)
            join_shards(partial / config.student, shards, table, params.teach)


if __name__ == "__main__":
    run(main, distributed=True)
