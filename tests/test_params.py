"""params.yaml explains itself, and every slip gets one line with the key, the value and what is allowed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipeline.errors import GraftError
from pipeline.params import load_params
from pipeline.settings.tuning import TeacherTuning
from pipeline.validation import validate

ROOT = Path(__file__).parents[1]
TABLE = {"source": "file", "path": "x.csv", "text": "text", "label": "label"}
JOINED = {"student": "bilstm", "tokenizer": "minilm", "joins": "signals"}
GOING_ON = {"source": "models/pretrained/minilm", "tokenizer": "minilm", "steps": 10}
HERE = GOING_ON | {"source": "data/prepared/transfer.parquet", "config": {"model_type": "bert"}}


def edited(folder: Path, edit: Callable[[Any], None]) -> Path:
    yaml = YAML()
    values = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    edit(values)
    with (folder / "params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)
    return folder / "params.yaml"


def put(key: str, value: Any) -> Callable[[Any], None]:
    def edit(values: Any) -> None:
        *path, last = key.split(".")
        for part in path:
            values = values[part]
        values[last] = value

    return edit


def test_the_file_of_the_repository_is_valid() -> None:
    validate(load_params(ROOT / "params.yaml"))


def test_every_line_of_the_file_explains_itself() -> None:
    """Every setting has a comment on its line, or stands under a name whose first entry explains its settings."""
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    explained = {line.split(":")[0].strip() for line in lines if "  #" in line}
    for line in lines:
        key = line.split(":")[0].strip()
        if line.strip() and not line.startswith("#") and ":" in line and not line.rstrip().endswith(":"):
            assert "#" in line or key in explained or key.startswith("- {"), line


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("finetune.learning_rate", "fast", "finetune.learning_rate is 'fast': input should be a valid number"),
        ("finetune.learning_rate", -1.0, "finetune.learning_rate is -1.0: input should be greater than 0"),
        ("rivals.tfidf.ngrams", [2, 1], r"rivals.tfidf: ngrams is \[2, 1\]; the shortest comes first"),
        ("finetune.epochs", True, "finetune.epochs is True: input should be a valid number"),
        ("budget.steps", 0, "budget.steps is 0: input should be greater than or equal to 1"),
        ("budget.steps", 1.5, "budget.steps is 1.5: input should be a valid integer"),
        ("budget.metric", "f2", "budget.metric is 'f2': input should be 'macro_f1', 'accuracy', 'pearson'"),
        ("finetune.learnin_rate", 1e-4, "finetune.learnin_rate is not a setting"),
        ("fintune", {}, "fintune is not a setting"),
        ("data.source", "csv", "data"),
        ("data.text", "review", "data.text is not a setting"),
        ("data.cuts", [0.5, -0.5], "cuts must rise strictly"),
        ("data.labels", ["bad", "good"], "labels must name 3 ranges"),
        ("prepare.test", 1.0, "prepare.test is 1.0: input should be less than 1"),
        ("prepare.test", 0.85, "validation \\+ test must be under 0.9"),
        ("pretrained.minilm.sha256", "b9a0", "pretrained.minilm.sha256 is 'b9a0'"),
        ("pretrained.minilm.package", "gt", "pretrained.minilm.package is 'gt'"),
        ("transfer_set.kinds", ["paste"], "transfer_set.kinds.0 is 'paste': input should be 'cut', 'mask', 'splice'"),
        (
            "students.static.start",
            "models/students/bilstm",
            "students.static.start is 'models/students/bilstm'",
        ),
        (
            "students.static.learns_from",
            "rounds/second",
            "students.static.learns_from is 'rounds/second'; allowed: sig",
        ),
        ("rounds.second", JOINED | {"student": "big"}, "rounds.second.student is 'big'; allowed: bilstm, textcnn"),
        (
            "rounds.second",
            JOINED | {"joins": "rounds/first"},
            "second.joins is 'rounds/first'; allowed: signals, rounds/s",
        ),
        (
            "rounds.second",
            JOINED | {"tokenizer": "bpe"},
            "rounds.second.tokenizer is 'bpe'; students.bilstm reads 'min",
        ),
        (
            "rounds.second",
            JOINED | {"joins": "rounds/second"},
            "rounds.second waits for itself: second waits for second",
        ),
        ("rounds.Second", JOINED, "the name 'Second' is not allowed"),
        ("students.Big", {"architecture": "static", "tokenizer": "minilm"}, "the name 'Big' is not allowed"),
        ("students.teacher", {"architecture": "static", "tokenizer": "minilm"}, "the name 'teacher' is not allowed"),
        ("students.static.tokenizer", "bpe", "students.static.tokenizer is 'bpe'; allowed: minilm"),
        ("teachers.minilm.pretrained", "bert", "teachers.minilm.pretrained is 'bert'; allowed: minilm"),
        ("teachers.minilm.tuning", {"layer_decay": 2.0}, "teachers.minilm.tuning.layer_decay is 2.0: input should be"),
        ("teachers.minilm.tuning", {"lora": {}, "unfreezing": 0.5}, "minilm.tuning: unfreezing and lora do not go"),
        ("teachers.minilm.tuning", {"pooling": "max"}, "teachers.minilm.tuning.pooling is 'max'"),
        ("teachers.minilm.tuning", {"lora": {"rank": 0}}, "teachers.minilm.tuning.lora.rank is 0: input should be"),
        ("students.static.tuning", {"lora": {}}, "students.static.tuning.lora is not a setting"),
        ("students.static.architecture", "mlp", "students.static: architecture is 'mlp'; allowed: bilstm"),
        ("students.static.config.hiden_size", 3, "students.static: hiden_size is not a setting of static"),
        ("students.static.config.hidden_size", -3, "students.static: .*hidden_size is -3: must be at least 1"),
        ("students.minibert.config.num_attention_heads", 7, "minibert: no encoder can be built with .*multiple"),
        ("students.minibert.config.hidden_act", "gelo", "students.minibert: no encoder can be built with .*'gelo'"),
        ("students.minibert.config.hidden_dropout_prob", 1.5, "no encoder can be built with .*between 0 and 1"),
        ("students.minibert.config.dropout", "a", "students.minibert: no encoder can be built with"),
        ("students.minibert.control", {"dropout": 0.5, "word_dropout": 0.5}, "word_dropout is not a setting of bert"),
        ("students.minibert.tuning", {"frozen_layers": 5}, "students.minibert: tuning.frozen_layers is 5; the"),
        ("transfer.phases", [{"losses": [{"name": "cosine"}]}], "losses.0.name is 'cosine'; allowed: cka, gold"),
        ("transfer.phases", [{"losses": []}], "transfer.phases.0.losses is"),
        ("transfer.phases", [{"losses": [{"name": "token_states"}]}], "token_states needs teach.token_states"),
        ("transfer.phases", [], "transfer.phases is"),
        ("transfer.phases", [{"share": 0, "losses": [{"name": "cka"}]}], "transfer.phases.0.share is 0: input"),
        ("students.static.budget", {"epochs": 3}, "students.static.budget.epochs is not a setting"),
        ("students", {}, "students is"),
        ("students", ["static"], "students is"),
        ("evaluate", None, "evaluate is None"),
        ("data.task", "ranking", "data.task is 'ranking': input should be 'single_label', 'multi_label' or 'regress"),
        ("data.task", "regression", "data: a regression foretells the number itself; remove cuts and labels"),
        ("data.task", "multi_label", "cuts make one label of a rating; remove cuts"),
        ("data", {"source": "vader", "task": "multi_label"}, "task allows single_label and regression"),
        (
            "data",
            {"source": "vader", "task": "regression"},
            "finetune.metric is 'macro_f1', which data.task regression",
        ),
        ("data.separator", ";", "separator is for task multi_label; remove it"),
        ("data", TABLE | {"label": ["a", "b"]}, "label names several columns, which task multi_label reads"),
        ("data", TABLE | {"label": ["a", "a"], "task": "multi_label"}, "name no column twice"),
        ("data", TABLE | {"labels": ["a", "a"]}, "labels must differ from one another"),
        ("export.coverage", 0.95, "export: set one of accuracy .* and coverage .*, not both"),
        ("export", {"vocabulary": 100}, "export: set one of accuracy .* and coverage .*, not both"),
        ("export", {"coverage": 1.0}, "export.coverage is 1.0: input should be less than 1"),
        ("pretraining.minilm", HERE, "pretraining.minilm and pretrained.minilm share a name"),
        ("pretraining.ours", HERE | {"tokenizer": "bpe"}, "pretraining.ours.tokenizer is 'bpe'; allowed: minilm"),
        (
            "pretraining.ours",
            HERE | {"config": {}},
            "source is 'data/prepared/transfer.parquet'; with a conf",
        ),
        ("pretraining.ours", HERE | {"source": "models/pretrained/minilm"}, "without one the folder of a pretrained"),
        ("pretraining.ours", GOING_ON | {"source": "models/x"}, "pretraining.ours.source is 'models/x'; allowed: data"),
        ("pretraining.ours", GOING_ON | {"rate": 0.9}, "pretraining.ours.rate is 0.9"),
        ("pretraining.ours", HERE | {"length": 513}, "pretraining.ours.length is 513, more than config.max_pos"),
        ("pretraining.ours", HERE | {"config": {"model_type": "gpt2"}}, "model_type is 'gpt2', which cannot guess"),
        (
            "pretraining.ours",
            HERE | {"config": {"model_type": "bert", "hidden_size": 100}},
            "pretraining.ours.config: no model can be built with .*multiple",
        ),
        ("pretraining.ours", HERE | {"config": {"model_type": "bert", "wide": 1}}, "wide is not a setting of bert"),
    ],
)
def test_a_slip_gets_one_line(tmp_path: Path, key: str, value: Any, message: str) -> None:
    with pytest.raises(GraftError, match=message) as caught:
        validate(load_params(edited(tmp_path, put(key, value))))
    assert "\n" not in str(caught.value)
    assert "params.yaml" in str(caught.value)


def test_numbers_as_dvc_writes_them(tmp_path: Path) -> None:
    """`dvc exp run -S finetune.learning_rate=1e-5` writes `1e-05`, which YAML 1.1 would read as a string."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("5.0e-5", "1e-05")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    assert load_params(tmp_path / "params.yaml").finetune.learning_rate == 1e-5


@pytest.mark.parametrize("text", ["", "- a\n", "a: [1\n", "a: 1\n\tb: 2\n", "finetune: 3\n", "data: &x {source: *y}\n"])
def test_a_broken_file_gets_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(GraftError) as caught:
        load_params(tmp_path / "params.yaml")
    assert "\n" not in str(caught.value)


def test_a_teacher_needs_the_tokenizer_it_was_pretrained_with(tmp_path: Path) -> None:
    def change(values: Any) -> None:
        own = {"source": "data/prepared/transfer.parquet", "kind": "bpe", "vocabulary": 8000}
        values["tokenizers"]["own"] = own
        values["teachers"]["minilm"]["tokenizer"] = "own"

    with pytest.raises(GraftError, match=r"teachers\.minilm\.tokenizer is 'own', which is trained here"):
        load_params(edited(tmp_path, change))


def test_a_model_pretrained_here_is_named_by_teachers_with_its_own_tokenizer(tmp_path: Path) -> None:
    def change(values: Any) -> None:
        for name in ("own", "other"):
            values["tokenizers"][name] = {"source": HERE["source"], "kind": "bpe", "vocabulary": 8000}
        values["pretraining"] = {
            "begun": HERE | {"tokenizer": "own"},
            "ours": GOING_ON | {"source": "models/pretrained/begun", "tokenizer": "own"},
        }
        values["teachers"]["minilm"].update(pretrained="ours", tokenizer="own")
        values["pretrained"] = {}

    validate(load_params(edited(tmp_path, change)))

    def mistake(values: Any) -> None:
        change(values)
        values["teachers"]["minilm"]["tokenizer"] = "other"

    with pytest.raises(GraftError, match=r"teachers\.minilm\.tokenizer is 'other'; pretraining\.ours reads 'own'"):
        load_params(edited(tmp_path, mistake))

    def swap(values: Any) -> None:
        change(values)
        values["pretraining"]["ours"]["tokenizer"] = "other"

    with pytest.raises(GraftError, match=r"pretraining\.ours\.tokenizer is 'other', which is not that of models/pre"):
        load_params(edited(tmp_path, swap))


def test_a_missing_file_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="run from the root of the repository"):
        load_params(tmp_path / "params.yaml")


def test_four_lines_describe_a_table_of_ones_own(tmp_path: Path) -> None:
    own = {"source": "file", "path": "reviews.csv", "text": "review", "label": "sentiment"}
    data = load_params(edited(tmp_path, put("data", own))).data
    assert (data.source, data.path, data.cuts, data.labels) == ("file", "reviews.csv", None, None)


def test_an_early_stop_of_a_student_needs_a_single_phase(tmp_path: Path) -> None:
    def change(values: Any) -> None:
        values["students"]["static"]["tuning"] = {"patience": 3}

    validate(load_params(edited(tmp_path, change)))

    def mistake(values: Any) -> None:
        change(values)
        values["transfer"]["phases"].insert(0, {"losses": [{"name": "representation"}]})

    with pytest.raises(GraftError, match=r"students.static.tuning.patience is 3, .* single phase; .* has 2"):
        load_params(edited(tmp_path, mistake))


def test_a_teacher_may_have_a_learning_rate_of_its_own(tmp_path: Path) -> None:
    params = load_params(edited(tmp_path, put("teachers.minilm.tuning", {"learning_rate": 3e-4})))
    own = params.teachers["minilm"].tuning.applied_to(params.finetune)
    assert (own.learning_rate, own.epochs) == (3e-4, params.finetune.epochs)
    assert TeacherTuning().applied_to(params.finetune) is params.finetune


def test_a_coverage_takes_the_place_of_the_accuracy(tmp_path: Path) -> None:
    export = load_params(edited(tmp_path, put("export", {"coverage": 0.95}))).export
    assert (export.accuracy, export.coverage) == (None, 0.95)


def test_a_student_may_change_its_own_budget(tmp_path: Path) -> None:
    params = load_params(edited(tmp_path, put("students.static.budget", {"learning_rate": 0.02, "steps": 7})))
    own = params.students["static"].budget.applied_to(params.budget)
    assert (own.learning_rate, own.steps, own.batch_size) == (0.02, 7, params.budget.batch_size)
    assert params.students["bilstm"].budget.applied_to(params.budget).steps == params.budget.steps


def test_a_control_may_change_its_regularisation_and_nothing_else(tmp_path: Path) -> None:
    student = load_params(edited(tmp_path, put("students.bilstm.control", {"dropout": 0.4}))).students["bilstm"]
    assert student.control_config() == {**student.config, "dropout": 0.4}
    with pytest.raises(GraftError, match=r"students.bilstm.control.hidden_size is not a setting"):
        load_params(edited(tmp_path, put("students.bilstm.control", {"hidden_size": 512})))


def test_weights_of_labels_are_for_one_label_of_several(tmp_path: Path) -> None:
    def change(values: Any) -> None:
        values["data"] = TABLE | {"task": "multi_label"}
        values["students"]["static"]["tuning"] = {"class_weights": "balanced"}

    with pytest.raises(GraftError, match=r"students\.static\.tuning: class_weights and loss focal are for data"):
        load_params(edited(tmp_path, change))


@pytest.mark.parametrize(
    ("rounds", "learns_from", "message"),
    [
        ({"a": JOINED}, {"bilstm": "rounds/a"}, "rounds.a waits for itself: a waits for a"),
        (
            {"a": JOINED, "b": JOINED | {"student": "textcnn"}},
            {"bilstm": "rounds/b", "textcnn": "rounds/a"},
            "rounds.a waits for itself: a waits for b waits for a",
        ),
        ({"a": JOINED, "b": JOINED | {"joins": "rounds/a"}}, {}, "rounds.b would hear bilstm twice"),
        ({"a": JOINED, "b": JOINED | {"student": "textcnn", "joins": "rounds/a"}}, {"static": "rounds/b"}, None),
        ({"a": JOINED, "b": JOINED | {"student": "textcnn"}}, {"textcnn": "rounds/a", "static": "rounds/b"}, None),
    ],
)
def test_a_round_waits_for_others_and_never_for_itself(
    tmp_path: Path, rounds: dict[str, Any], learns_from: dict[str, str], message: str | None
) -> None:
    def change(values: Any) -> None:
        values["rounds"] = rounds
        for name, folder in learns_from.items():
            values["students"][name]["learns_from"] = folder

    if message is None:
        assert len(load_params(edited(tmp_path, change)).rounds) == len(rounds)
        return
    with pytest.raises(GraftError, match=message):
        load_params(edited(tmp_path, change))


def test_a_student_of_a_teachers_name_joins_no_round(tmp_path: Path) -> None:
    def change(values: Any) -> None:
        values["students"]["minilm"] = values["students"]["static"]
        values["rounds"] = {"a": JOINED | {"student": "minilm"}}

    with pytest.raises(GraftError, match=r"rounds\.a would hear minilm twice; its voices need names of their own"):
        load_params(edited(tmp_path, change))


@pytest.mark.parametrize("content", [b"data: caf\xe9\n", b"data: \x07\n"])
def test_what_is_no_text_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(GraftError, match=r"params.yaml: not YAML in UTF-8: ") as caught:
        load_params(tmp_path / "params.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("budget.learning_rate", float("inf"), "budget.learning_rate is inf: "),
        ("rivals.bayes", {"kind": "naive_bayes", "zzz": 1}, "rivals.bayes.zzz is not a setting"),
    ],
)
def test_a_slip_is_named_as_the_file_has_it(tmp_path: Path, key: str, value: Any, message: str) -> None:
    with pytest.raises(GraftError, match=message):
        load_params(edited(tmp_path, put(key, value)))
