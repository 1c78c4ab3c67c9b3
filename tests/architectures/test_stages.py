"""Tiny checkpoints of many architectures, each a teacher and a student, through the functions of every stage.

In one process and one project: all teachers teach together, so each student learns from all of them. What torch's
exporter takes (seconds a model, whatever its size) is spent on two at most; `benchmarks/architectures.py` tries all.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.artifacts import read_array, read_json, read_parquet
from pipeline.errors import GraftError
from pipeline.prediction.loading import load_classifier
from pipeline.stages import (
    control,
    evaluate,
    export,
    fetch,
    fetch_model,
    finetune,
    prepare,
    teach,
    tokenize,
    transfer,
    vocabulary,
)
from pipeline.stages import round as a_round
from pipeline.transfer.lesson import build_lesson
from tests.families import DECODERS, write_checkpoint
from tests.families import FAMILIES as ALL
from tests.project import write_reviews
from tests.text.conftest import write_params

# Those that are built as another is, but for names, are left out.
LIKE_ANOTHER = ("electra", "xlm-roberta", "qwen2")
FAMILIES = {family: sizes for family, sizes in ALL.items() if family not in LIKE_ANOTHER}
# A decoder, and in `make test-long` an encoder-decoder.
EXPORTED = ("gpt2", pytest.param("teacher/t5", marks=pytest.mark.long))
STEPS = 2


def settings() -> dict[str, Any]:
    """The sections of a project with every family as a teacher and as a student."""
    students: dict[str, Any] = {
        family: {
            "architecture": "encoder",
            "tokenizer": "encoders",
            "start": f"models/pretrained/{family}",
            "learns_from": "signals",
            "config": {"model_type": family, **sizes},
        }
        for family, sizes in FAMILIES.items()
    }
    students["bilstm"] = {
        "architecture": "bilstm",
        "tokenizer": "encoders",
        "start": "models/teacher",
        "learns_from": "signals",
        "config": {"embedding_size": 8, "hidden_size": 8},
    }
    students["again"] = students["bilstm"] | {"learns_from": "rounds/second"}
    students["last"] = students["bilstm"] | {"learns_from": "rounds/third"}
    return {
        "data": {"source": "file", "path": "reviews.csv", "text": "review", "label": "sentiment"},
        "transfer_set": {"path": "data/unlabelled", "copies": 1, "kinds": ["cut"]},
        "pretrained": {family: {"source": "folder", "path": f"models/local/{family}"} for family in FAMILIES},
        "tokenizers": {
            "encoders": {"source": "models/pretrained/bert", "max_length": 24},
            "decoders": {"source": "models/pretrained/gpt2", "max_length": 24},
        },
        "finetune": {"epochs": 0.25, "batch_size": 32, "learning_rate": 1e-3, "evaluations": 1, "precision": "fp32"},
        "teachers": {
            family: {"pretrained": family, "tokenizer": "decoders" if family in DECODERS else "encoders", "seed": 1}
            for family in FAMILIES
        },
        "teach": {"precision": "fp32", "token_states": 4},
        "budget": {
            "steps": STEPS,
            "batch_size": 32,
            "learning_rate": 1e-3,
            "evaluations": 1,
            "seed": 1,
            "precision": "fp32",
        },
        "transfer": {
            "phases": [{"losses": [{"name": "logits_mse"}, {"name": "representation"}, {"name": "token_states"}]}]
        },
        "students": students,
        "rounds": {
            "second": {"student": "bilstm", "tokenizer": "encoders", "joins": "signals"},
            "third": {"student": "again", "tokenizer": "encoders", "joins": "rounds/second"},
        },
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project in which every architecture was fine-tuned, taught, and was taught."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setenv("DVC_ROOT", str(folder))
        write_reviews(folder / "reviews.csv", rows=120)
        (folder / "data/unlabelled").mkdir(parents=True)
        for family in FAMILIES:
            write_checkpoint(family, folder / "models/local" / family)
        write_params(folder, **settings())
        fetch.main()
        for family in FAMILIES:
            fetch_model.main(family)
        prepare.main()
        for tokenizer in ("encoders", "decoders"):
            tokenize.main(tokenizer)
        for family in FAMILIES:
            finetune.main(family)
            teach.main(family)
        vocabulary.main("encoders")
        for student in ("bilstm", *FAMILIES):
            transfer.main(student)
        yield folder


@pytest.mark.parametrize("family", FAMILIES)
def test_it_teaches(family: str, project: Path) -> None:
    assert read_json(project / "models/teacher" / family / "training.json")["steps"] >= 1
    texts = len(read_parquet(project / "data/prepared/transfer.parquet"))
    for signal in ("logits", "pooled", "tokens"):
        values = read_array(project / "signals" / family / f"{signal}.npy")
        assert np.isfinite(values).all(), signal
        assert np.ptp(values, axis=0).max() > 0, signal
        assert signal == "tokens" or len(values) == texts


@pytest.mark.parametrize("student", ["bilstm", *FAMILIES])
def test_it_is_taught_and_predicts(student: str, project: Path) -> None:
    texts = ["a good film", "the plot was so bad, and it is not very fine"]
    for folder in (f"students/{student}", f"teacher/{student}"):
        if folder != "teacher/bilstm":
            classifier = load_classifier(project / "models" / folder)
            answers, alone = list(classifier.classify(texts)), next(iter(classifier.classify(texts[:1])))
            assert [sum(answer["probabilities"].values()) for answer in answers] == pytest.approx([1, 1])
            assert answers[0]["probabilities"] == pytest.approx(alone["probabilities"], abs=1e-5)


def test_all_teachers_are_evaluated_and_a_decoder_beside_its_control(project: Path) -> None:
    evaluate.main("teacher")
    control.main("gpt2")
    evaluate.main("controls/gpt2")
    evaluate.main("gpt2")
    for model in ("teacher", "controls/gpt2", "gpt2"):
        assert 0 <= read_json(project / f"metrics/{model}.json")["macro_f1"] <= 1


@pytest.mark.parametrize("model", EXPORTED)
def test_it_is_exported_as_it_is(model: str, project: Path) -> None:
    export.main(model)
    assert read_json(project / f"metrics/exports/{model}.json")["difference_fp32"] < 1e-4
    texts = ["a good film", "the plot was so bad"]
    trained = load_classifier(project / "models" / (model if "/" in model else f"students/{model}"))
    for one, other in zip(
        load_classifier(project / "exports" / model, "fp32").classify(texts), trained.classify(texts), strict=True
    ):
        assert one["label"] == other["label"]


def test_students_teach_beside_those_that_taught_them(project: Path) -> None:
    """Two rounds: one student joins the teachers, a student of them all joins these, and one learns from them all."""
    (project / "models/students/bilstm").rename(project / "models/students/away")
    with pytest.raises(GraftError, match=r"^models/students/bilstm is missing; run `dvc repro`"):
        a_round.main("second")
    (project / "models/students/away").rename(project / "models/students/bilstm")
    for name, student in (("second", "again"), ("third", "last")):
        a_round.main(name)
        transfer.main(student)
    heard = {folder.name for folder in (project / "rounds/third").iterdir()}
    assert heard == {*FAMILIES, "bilstm", "again"}
    for before in (*(f"signals/{family}" for family in FAMILIES), "rounds/second/bilstm"):
        for path in (project / before).iterdir():
            assert path.read_bytes() == (project / "rounds/third" / Path(before).name / path.name).read_bytes()
    own = project / "rounds/second/bilstm"
    ids, texts = read_parquet(own / "ids.parquet")["id"], read_parquet(project / "data/prepared/transfer.parquet")
    assert list(ids) == list(texts["id"])
    answers = load_classifier(project / "models/students/bilstm").classify(texts["text"].head(20))
    logits = read_array(own / "logits.npy")[:20]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for answer, share in zip(answers, shares, strict=True):
        assert list(answer["probabilities"].values()) == pytest.approx(list(share), abs=1e-4)


def test_a_student_of_a_round_learns_from_the_mean_of_its_voices(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons = []
    monkeypatch.setattr(transfer, "build_lesson", lambda *given: lessons.append(given[2]) or build_lesson(*given))
    transfer.main("last")
    said = [read_array(folder / "logits.npy") for folder in (project / "rounds/third").iterdir()]
    np.testing.assert_allclose(lessons[0]["teacher_logits"], np.mean(said, axis=0), atol=1e-5)
