"""The architecture matrix: every cell is a run, or has its reason."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks import architectures
from pipeline.tokens.table import TokenTable
from pipeline.training.trained import Trained
from pipeline.training.trainer import train
from tests.conftest import build_tokenizer
from tests.families import REFUSED


def test_what_chance_reaches_is_marked() -> None:
    assert architectures.told(0.5) == "0.50 (chance)"
    assert architectures.told(0.58) == "0.58 (chance)"
    assert architectures.told(0.6) == "0.60"


def test_students_of_other_families_learn_from_a_decoder(tmp_path: Path) -> None:
    rows, models = architectures.matrix(["gpt2"], ["static", "bert", "convbert"], tmp_path)
    ((teacher, own, static, bert, convbert),) = rows
    assert teacher == "gpt2"
    for figure in (own, static, bert):
        assert float(figure) > 0.6, rows
    assert REFUSED["convbert"][1] in convbert
    assert architectures.onnx_difference(models["static"], architectures.write_texts(1, 8)) < 1e-5


def test_the_texts_that_are_held_out_choose_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = architectures.write_texts(0, 32), architectures.write_texts(1, 60)
    chose: list[bytes] = []

    def spy(model: Any, tables: Mapping[str, TokenTable], *words: Any, **more: Any) -> Trained:
        chose.append(tables["validation"].input_ids.tobytes())
        return train(model, tables, *words, **more)

    monkeypatch.setattr(architectures, "STEPS", 2)
    monkeypatch.setattr(architectures, "TESTED", 60)
    monkeypatch.setattr(architectures, "train", spy)
    teacher = architectures.train_teacher("bert", tmp_path, *texts)
    architectures.train_student("static", teacher, *texts)
    held_out = texts[1].encoded(build_tokenizer()).input_ids.tobytes()
    assert len(chose) == 2
    assert held_out not in chose


def test_a_loss_that_is_no_number_stands_in_its_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = architectures.write_texts(0, 32), architectures.write_texts(1, 8)
    monkeypatch.setattr(architectures, "STEPS", 2)
    teacher = architectures.train_teacher("bert", tmp_path, *texts)
    teacher.said.logits[:] = float("nan")
    said = architectures.tried(lambda family: str(architectures.train_student(family, teacher, *texts)), "static")
    assert "the loss stopped being a number" in said
