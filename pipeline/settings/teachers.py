"""``teachers``: by name."""

from pipeline.settings.base import Section, Seed, Text


class TeacherConfig(Section):
    """One teacher: a pretrained model, its tokenizer and a seed."""

    pretrained: Text
    tokenizer: Text
    seed: Seed
