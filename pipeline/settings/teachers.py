"""``teachers``: by name."""

from typing import Any

from pipeline.settings.base import Section, Seed, Text
from pipeline.settings.tuning import TeacherTuning


class TeacherConfig(Section):
    """One teacher: a pretrained model, its tokenizer and a seed; what it changes of that model, how it is tuned."""

    pretrained: Text
    tokenizer: Text
    seed: Seed
    config: dict[str, Any] = {}
    tuning: TeacherTuning = TeacherTuning()
