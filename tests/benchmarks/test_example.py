"""What the comparison with transformers' example counts: operations, steps, and which side is the measure."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DataCollatorWithPadding,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
)

from benchmarks.example import build_table, sides
from benchmarks.example_worker import WARM_UP, Clock, clock_figures, rates, read_figures
from pipeline.errors import GraftError
from pipeline.report.numbers import percent
from tests.training.test_trainer import budget, run

SHAPE = {"hidden_size": 16, "intermediate_size": 48, "num_hidden_layers": 3}


def test_the_operations_are_those_that_torch_counts() -> None:
    model = BertModel(
        BertConfig(**SHAPE, num_attention_heads=2, vocab_size=50, _attn_implementation="eager"), add_pooling_layer=False
    ).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        for tokens in (7, 12):
            model(torch.zeros(1, tokens, dtype=torch.long))
    found = rates(np.array([7, 12]), 2.0, 3, SHAPE)
    assert found == {"rows": 1.0, "flops": 3 * counter.get_total_flops() / 2}


def test_the_example_reads_as_many_rows_a_second_as_it_says_of_few_texts_too() -> None:
    assert read_figures(50.0, np.array([7, 12]), SHAPE)["rows"] == pytest.approx(50)


def test_the_clock_runs_from_the_warm_up_to_the_last_step(tokenizer: PreTrainedTokenizerFast) -> None:
    clock = Clock()
    with clock.running():
        run(tokenizer, budget(steps=30))
    assert clock.steps == 30
    assert clock.seconds > 0
    found = clock_figures(clock, np.array([3, 5]), 16, SHAPE)
    assert found["rows"] == pytest.approx((30 - WARM_UP) * 16 / clock.seconds)
    clock.steps = WARM_UP
    with pytest.raises(GraftError, match="20 steps are no more than the 20 of the warm-up; raise --epochs"):
        clock_figures(clock, np.array([3, 5]), 16, SHAPE)


def test_the_example_answers_in_the_order_of_its_rows_and_tells_its_rate(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    model = BertForSequenceClassification(BertConfig(**SHAPE, num_attention_heads=2, vocab_size=len(tokenizer)))
    rows = [{"input_ids": [1] * (1 + at * 7 % 11), "labels": at} for at in range(11)]
    options = {"train_sampling_strategy": "group_by_length", "per_device_eval_batch_size": 4, "use_cpu": True}
    trainer = Trainer(
        model=model,
        args=TrainingArguments(output_dir=str(tmp_path), prediction_loss_only=False, **options),
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=lambda answers: {},
    )
    model.config.problem_type, model.num_labels = "single_label_classification", 2
    clock = Clock()
    with clock.running():
        output = trainer.predict([row | {"labels": row["labels"] % 2} for row in rows])
    assert output.label_ids.tolist() == [at % 2 for at in range(11)]
    assert clock.read > 0


def test_the_example_at_its_fastest_is_the_measure() -> None:
    sort = {"finetune": {"rows": 50.0, "flops": 1e9}, "read": {"rows": 300.0, "flops": 2e9}, "macro_f1": 0.5}
    fast = {"finetune": {"rows": 100.0, "flops": 2e9}, "read": {"rows": 200.0, "flops": 3e9}, "macro_f1": 0.6}
    table = build_table([("example, at its fastest", fast), ("Graft", sort)], 1e10)
    assert f"| Graft | 50 | 0.5× | {percent(0.1, 1)} | 300 | 1.5× | {percent(0.2, 1)} | 0.500 |" in table
    titles = [side.title for side in sides(Path("run.py"), compiled=True)]
    assert titles[:3] == ["example, as it comes", "example, at its fastest", "Graft"]
    assert titles[-1] == "Graft, compiled"
