"""The ablation's grid: every row is a change of params.yaml that DVC takes and the pipeline allows."""

from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from benchmarks.grid import Row, build_grid, to_overrides
from pipeline.params import Params, load_params
from pipeline.validation import validate
from tests.closure import ROOT

LOGITS = [{"share": 1.0, "losses": [{"name": "logits_kl", "weight": 0.5, "temperature": 3.0}]}]
TWO_PHASES = [{"share": 0.4, "losses": [{"name": "representation"}]}, *LOGITS]
TWO_TEACHERS = {
    "one": {"pretrained": "minilm", "tokenizer": "minilm", "seed": 1},
    "two": {"pretrained": "minilm", "tokenizer": "minilm", "seed": 2},
}


def written(folder: Path, phases: list[Any] | None = None, teachers: dict[str, Any] | None = None) -> Path:
    values = YAML().load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["transfer"]["phases"] = LOGITS if phases is None else phases
    if teachers is not None:
        values["teachers"] = teachers
    with (folder / "params.yaml").open("w", encoding="utf-8") as stream:
        YAML().dump(values, stream)
    return folder / "params.yaml"


def applied(path: Path, row: Row) -> Params:
    text = path.read_text(encoding="utf-8")
    apply_overrides(str(path), to_overrides(row.settings | {"budget.seed": 14}))
    params = load_params(path)
    path.write_text(text, encoding="utf-8")
    return params


@pytest.mark.parametrize("phases", [LOGITS, TWO_PHASES], ids=["logits", "two phases"])
@pytest.mark.parametrize("teachers", [None, TWO_TEACHERS], ids=["one teacher", "two teachers"])
def test_every_row_applies_and_is_valid(tmp_path: Path, phases: list[Any], teachers: dict[str, Any] | None) -> None:
    path = written(tmp_path, phases, teachers)
    for row in build_grid(load_params(path)):
        params = applied(path, row)
        validate(params)
        assert params.budget.seed == 14


def test_the_repository_s_own_settings_make_a_grid(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    for row in build_grid(load_params(path)):
        validate(applied(path, row))


def test_a_row_adds_one_ingredient(tmp_path: Path) -> None:
    path = written(tmp_path, TWO_PHASES)
    own = load_params(path)
    rows = {row.name: applied(path, row) for row in build_grid(own)}
    assert list(rows) == ["control", "warm-start", "logits", "transfer-set", "phases", "ensemble", "own-tokenizer"]
    for name in ("control", "warm-start", "logits"):
        assert (rows[name].transfer_set.copies, rows[name].transfer_set.texts) == (0, 0)
    assert [loss.name for phase in rows["warm-start"].transfer.phases for loss in phase.losses] == ["gold"]
    for name in ("logits", "transfer-set"):
        (phase,) = rows[name].transfer.phases
        assert [(loss.name, loss.weight, loss.model_extra) for loss in phase.losses] == [
            ("logits_kl", 1.0, {"temperature": 3.0})
        ]
    assert rows["transfer-set"].transfer_set == rows["phases"].transfer_set == own.transfer_set
    assert rows["phases"].transfer == own.transfer
    assert rows["ensemble"].transfer == rows["own-tokenizer"].transfer == rows["transfer-set"].transfer
    own_tokenizers = {name: student.tokenizer for name, student in rows["own-tokenizer"].students.items()}
    assert own_tokenizers == {"bilstm": "own", "textcnn": "own", "static": "own", "minibert": "minilm"}
    assert rows["phases"].teachers == own.teachers
    seeds = [teacher.seed for teacher in rows["ensemble"].teachers.values()]
    assert seeds == [own.teachers["minilm"].seed + number for number in range(3)]


def test_several_teachers_of_params_are_the_ensemble(tmp_path: Path) -> None:
    path = written(tmp_path, teachers=TWO_TEACHERS)
    rows = {row.name: applied(path, row) for row in build_grid(load_params(path))}
    assert list(rows["transfer-set"].teachers) == ["one"]
    assert list(rows["ensemble"].teachers) == ["one", "two"]


def test_without_other_losses_their_row_is_left_out(tmp_path: Path) -> None:
    titles = [row.title for row in build_grid(load_params(written(tmp_path)))]
    assert titles == [
        "control",
        "+ warm start",
        "+ logits",
        "+ transfer set",
        "+ representation",
        "+ ensemble",
        "own tokenizer",
    ]


def test_overrides_are_hydra_s_grammar() -> None:
    settings = {"a.b": True, "+c": {"x": "y", "z": [1, 1e-05]}, "~d.e": None}
    assert to_overrides(settings) == ["a.b=true", '+c={x:"y",z:[1,1e-05]}', "~d.e"]
