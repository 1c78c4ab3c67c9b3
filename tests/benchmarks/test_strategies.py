"""The strategies: what their workers are told, what they measure, and the table."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from transformers import PreTrainedTokenizerFast

from benchmarks import strategies_worker
from benchmarks.strategies import STRATEGIES, _names, build_table, choose_strategies, plan_job
from benchmarks.strategies_worker import draw_texts
from pipeline.artifacts import read_json, write_json, write_parquet
from pipeline.errors import GraftError
from pipeline.params import Params, load_params
from pipeline.settings.tuning import TeacherTuning
from pipeline.text.pairs import TextOrPair
from pipeline.tokens.encoding import encode
from pipeline.tokens.table import write_tokens
from tests.closure import ROOT
from tests.conftest import write_pretrained
from tests.training.test_trainer import toy


@pytest.fixture
def params(tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A folder with what a worker reads, and the settings of the repository for a few steps."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    write_pretrained(tmp_path / "models/pretrained/minilm")
    tokens = tmp_path / "data/tokenized/minilm"
    for split, rows in (("train", 64), ("validation", 24)):
        write_tokens(tokens / f"{split}.arrow", toy(tokenizer, rows, rows))
    tokenizer.save_pretrained(tokens / "tokenizer")
    write_json(Path("data/prepared/labels.json"), {"labels": ["bad", "good"], "task": "single_label"})
    test = pd.DataFrame({"id": ["a", "b"], "text": ["the film was good", "an awful plot"], "label": ["good", "bad"]})
    write_parquet(Path("data/prepared/test.parquet"), test)
    found = load_params(ROOT / "params.yaml")
    finetune = found.finetune.model_copy(update={"epochs": 1.0, "evaluations": 1, "batch_size": 8, "precision": "fp32"})
    return found.model_copy(update={"finetune": finetune})


def test_every_strategy_is_one_and_each_differs() -> None:
    found = [TeacherTuning.model_validate(tuning) for tuning in STRATEGIES.values()]
    assert all(one != other for at, one in enumerate(found) for other in found[:at])
    assert list(choose_strategies(["LoRA", "full"])) == ["LoRA", "full"]
    with pytest.raises(GraftError, match="--strategies has 'lora'; allowed: full, frozen layers"):
        choose_strategies(["lora"])


def test_a_result_is_kept_by_what_it_depends_on(params: Params) -> None:
    teacher = params.teachers["minilm"]
    jobs = [plan_job(teacher, tuning, params, texts) for tuning in STRATEGIES.values() for texts in (None, 9)]
    assert len({job.result for job in jobs}) == len(jobs)
    assert plan_job(teacher, {}, params, None) == jobs[0]
    Path("data/prepared/labels.json").write_text("{}")
    assert plan_job(teacher, {}, params, None) != jobs[0]
    with pytest.raises(GraftError, match="--texts is 0"):
        plan_job(teacher, {}, params, 0)


def test_a_worker_tunes_and_measures(params: Params) -> None:
    job = plan_job(params.teachers["minilm"], STRATEGIES["frozen layers"], params, 20)
    write_json(Path("job.json"), asdict(job))
    strategies_worker.main("job.json")
    found = read_json(Path(job.result))
    assert found["steps"] == found["best_step"] == 3
    # Both of two layers are frozen; a pooler that nothing reads lies above them, with the topmost.
    assert found["trained_parameters"] == 2 * 32 + 2
    assert found["seconds"] > 0
    assert found["memory"] > 1e7
    for split in ("validation", "test"):
        value, low, high = found[split]
        assert 0 <= low <= value <= high <= 1


def test_of_pairs_the_test_texts_are_read_together(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    test = pd.DataFrame(
        {"id": ["a", "b"], "text": ["good", "bad"], "text_pair": ["film", "plot"], "label": ["good"] * 2}
    )
    write_parquet(Path("data/prepared/test.parquet"), test)
    read: list[TextOrPair] = []

    def spy(tokenizer: PreTrainedTokenizerFast, ids: list[str], texts: list[TextOrPair], longest: int) -> Any:
        read.extend(texts)
        return encode(tokenizer, ids, texts, longest)

    monkeypatch.setattr(strategies_worker, "encode", spy)
    write_json(Path("job.json"), asdict(plan_job(params.teachers["minilm"], {}, params, 8)))
    strategies_worker.main("job.json")
    assert read == [("good", "film"), ("bad", "plot")]


def test_texts_are_drawn_once_and_more_of_them_hold_fewer(tokenizer: PreTrainedTokenizerFast) -> None:
    table = toy(tokenizer, 50, 1)
    few, more = (set(draw_texts(table, texts, 3).ids.to_pylist()) for texts in (10, 30))
    assert len(few) == 10
    assert few < more
    assert len(draw_texts(table, 500, 3)) == 50
    np.testing.assert_array_equal(draw_texts(table, 500, 3).labels, table.labels)


def test_the_table_has_a_line_a_strategy() -> None:
    result = {
        "validation": [0.7, 0.68, 0.72], "test": [0.69, 0.67, 0.71], "seconds": 12.34, "memory": 1.2e9,
        "trained_parameters": 770, "steps": 40, "best_step": 30,
    }  # fmt: skip
    lines = build_table({"head only": result}).splitlines()
    assert lines[0] == "| strategy | validation | test | time | memory | learning | steps | best |"
    cells = "0.700 (0.680 to 0.720) | 0.690 (0.670 to 0.710) | 12.3 s | 1200.0\u00a0MB | 770 | 40 | 30"
    assert lines[2] == f"| head only | {cells} |"


def test_each_strategy_can_be_asked_for_by_its_name() -> None:
    for name in STRATEGIES:
        assert list(choose_strategies(_names(f"{name}, full"))) == list(dict.fromkeys([name, "full"]))
