"""The comparison with TextBrewer: both sides do the same job, and the table says what was measured."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from benchmarks.distillation import Inputs, Job, build_student, training_batches
from benchmarks.textbrewer import Result, build_table, plan_jobs
from pipeline.artifacts import read_json, write_json
from pipeline.errors import GraftError
from pipeline.params import load_params
from pipeline.tokens.encoding import encode
from pipeline.tokens.table import write_tokens
from tests.closure import ROOT

JOB = Job(
    teacher="models/teacher/minilm",
    tokens="data/tokenized/minilm",
    texts=12,
    epochs=3,
    architecture="static",
    config={"embedding_size": 8, "hidden_size": 8},
    budget={"batch_size": 4, "learning_rate": 0.001, "steps": 99, "seed": 5},
    batch_tokens=64,
    cached=False,
    signals="signals",
    target="student",
)


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokenizer: PreTrainedTokenizerFast) -> Path:
    table, _ = encode(tokenizer, [str(at) for at in range(300)], ["good film"] * 300, 16)
    write_tokens(tmp_path / "data/tokenized/minilm/transfer.arrow", table)
    (tmp_path / "models/teacher/minilm").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_job_comes_back_from_its_file(tmp_path: Path) -> None:
    write_json(tmp_path / "job.json", asdict(JOB))
    assert Job(**read_json(tmp_path / "job.json")) == JOB


def test_epochs_become_steps_and_looks_at_validation() -> None:
    settings = JOB.settings
    assert (settings.steps, settings.evaluations, settings.seed) == (9, 3, 5)


def test_both_sides_start_from_the_same_student(tokenizer: PreTrainedTokenizerFast) -> None:
    table, _ = encode(tokenizer, ["0"], ["good film"], 16)
    inputs = Inputs(table, table, tokenizer, ["bad", "good"])
    one, other = build_student(JOB, inputs).state_dict(), build_student(JOB, inputs).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_jobs_hold_whole_batches_of_what_there_is(built: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    jobs = plan_jobs(params, ["textcnn", "static"], 1_000, 2)
    assert [job.architecture for job in jobs.values()] == ["textcnn", "static"]
    for name, job in jobs.items():
        batch_size = params.students[name].budget.applied_to(params.budget).batch_size
        assert job.texts == 300 // batch_size * batch_size
    with pytest.raises(GraftError, match="--texts is 3, --epochs 2"):
        plan_jobs(params, ["textcnn", "static"], 3, 2)


@pytest.mark.parametrize(("recipe", "found"), [("ratings", "regression of single"), ("pairs", "single_label of pairs")])
def test_another_task_is_refused(built: Path, recipe: str, found: str) -> None:
    params = load_params(ROOT / "recipes" / recipe / "params.yaml")
    with pytest.raises(GraftError, match=f"one label of single texts, and params.yaml asks for {found}"):
        plan_jobs(params, ["textcnn", "static"], 1_000, 2)


def test_a_student_with_a_tokenizer_of_its_own_is_refused(built: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    own = params.students["static"].model_copy(update={"tokenizer": "bpe"})
    params = params.model_copy(update={"students": {"static": own}})
    with pytest.raises(GraftError, match="the student static reads another tokenizer"):
        plan_jobs(params, ["static"], 1_000, 2)


def test_the_table_has_medians_means_and_ratios_to_the_last_side() -> None:
    results = [
        Result(side, student, time, score)
        for side, factor in (("Rival", 3.0), ("Graft", 1.0))
        for student, base in (("a", 10.0), ("b", 4.0))
        for time, score in ((base * factor, 0.6), (base * factor, 0.7), (base * factor + 5, 0.8))
    ]
    assert build_table(results, ["a", "b"]).splitlines()[2:] == [
        "| Rival | 30.0 s | 3.0× | 0.700 | 12.0 s | 3.0× | 0.700 |",
        "| Graft | 10.0 s | 1.0× | 0.700 | 4.0 s | 1.0× | 0.700 |",
    ]


def test_textbrewer_gets_graft_s_batches(tokenizer: PreTrainedTokenizerFast) -> None:
    table, _ = encode(tokenizer, list("abcde"), ["good", "good film", "bad", "a plot is so", "fine"], 16)
    batches = list(training_batches(Inputs(table, table, tokenizer, ["bad", "good"]), 2))
    # TextBrewer asks for a plain dict, which it passes to both models by name.
    assert [type(batch) for batch in batches] == [dict] * 3
    assert [set(batch) for batch in batches] == [{"input_ids", "attention_mask"}] * 3
    seen = [int(length) for batch in batches for length in batch["attention_mask"].sum(1)]
    assert sorted(seen) == sorted(table.lengths.tolist())
