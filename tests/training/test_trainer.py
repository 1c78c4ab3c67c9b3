"""Training on a toy task: it learns, keeps its best checkpoint, repeats itself, and fails with one line."""

import tempfile

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast, TrainerCallback, TrainingArguments

from pipeline.errors import GraftError
from pipeline.models.registry import student
from pipeline.settings.students import BudgetConfig
from pipeline.settings.transfer import PhaseConfig
from pipeline.task import softmax
from pipeline.tokens.batches import BatchCollator, TokenDataset
from pipeline.tokens.encoding import encode
from pipeline.tokens.table import TokenTable
from pipeline.training.machine import seed_everything
from pipeline.training.prediction import predict
from pipeline.training.sampling import BatchShufflingSampler, PhaseSampler
from pipeline.training.trainer import GraftTrainer, Lesson, Trained, train
from pipeline.transfer.lesson import build_lesson

LABELS = ["bad", "good"]
SETTINGS = {"embedding_size": 16, "hidden_size": 16, "dropout": 0.0, "word_dropout": 0.0}


def toy(tokenizer: PreTrainedTokenizerFast, rows: int, seed: int) -> TokenTable:
    """Texts of random words, whose label is told by one of them."""
    source = np.random.default_rng(seed)
    labels = source.integers(0, 2, rows)
    telling = [["bad", "awful", "poor"], ["good", "great", "fine"]]
    filler = ["the", "film", "was", "plot", "so", "and"]
    texts = [
        " ".join(source.permutation([*source.choice(filler, source.integers(1, 9)), source.choice(telling[label])]))
        for label in labels
    ]
    table, _ = encode(tokenizer, [f"r{at}" for at in range(rows)], texts, 32, labels.astype(np.int64))
    return table


def budget(**changes: object) -> BudgetConfig:
    return BudgetConfig(
        **{"batch_size": 16, "learning_rate": 0.01, "steps": 40, "evaluations": 4, "precision": "fp32", **changes}
    )


MSE = [{"losses": [{"name": "logits_mse"}]}]


def run(tokenizer: PreTrainedTokenizerFast, config: BudgetConfig, phases: list[dict] | None = None) -> Trained:
    """Train a student on gold labels, or, in ``phases``, on a teacher that says ±3."""
    tables = {"train": toy(tokenizer, 256, 1), "validation": toy(tokenizer, 64, 2)}
    labels = tables["train"].labels
    assert labels is not None
    seed_everything(config.seed)
    model = student("static", SETTINGS, tokenizer, LABELS)
    lesson = None
    if phases is not None:
        tables["train"] = TokenTable(tables["train"].ids, tables["train"].input_ids, tables["train"].offsets)
        logits = np.eye(2, dtype=np.float32)[labels] * 6 - 3
        # The first half of the rows has gold labels, and they are the opposite of what the teacher says.
        gold = np.where(np.arange(256) < 128, 1 - labels, -100)
        signals = {"teacher_logits": logits, "teacher_pooled": np.tile(logits, 3), "gold": gold}
        lesson = build_lesson(model, [PhaseConfig.model_validate(phase) for phase in phases], signals, config.steps)
    return train(model, tables, tokenizer.pad_token_id, config, config.steps, config.evaluations, config.seed, lesson)


@pytest.mark.parametrize("transfer", [False, True])
def test_it_learns_from_labels_and_from_signals_alone(tokenizer: PreTrainedTokenizerFast, transfer: bool) -> None:
    trained = run(tokenizer, budget(steps=80, evaluations=1), MSE if transfer else None)
    test = toy(tokenizer, 200, 3)
    logits, pooled = predict(trained.model, test, tokenizer.pad_token_id, 512, "fp32", "test")
    assert (logits.argmax(1) == test.labels).mean() > 0.95
    assert pooled.shape == (200, 16)
    if transfer:
        # The teacher says ±3, so the student must answer on that scale, which gold labels would not teach it.
        assert np.abs(logits).mean() == pytest.approx(3, abs=0.7)
    np.testing.assert_allclose(softmax(logits).sum(1), 1)


def test_large_embeddings_learn_from_the_rows_of_a_batch_alone(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not run(tokenizer, budget(steps=1, evaluations=1)).model.embedding.sparse
    monkeypatch.setattr("pipeline.training.optimizer.LARGE", len(tokenizer))
    trained = run(tokenizer, budget(steps=80, evaluations=1))
    assert trained.model.embedding.sparse
    # It takes part in the training, and in clipping, for which torch knows no norm of sparse gradients, it does not.
    test = toy(tokenizer, 200, 3)
    logits, _ = predict(trained.model, test, tokenizer.pad_token_id, 512, "fp32", None)
    assert (logits.argmax(1) == test.labels).mean() > 0.95


def test_the_curve_has_a_row_for_every_look_at_validation(tokenizer: PreTrainedTokenizerFast) -> None:
    trained = run(tokenizer, budget())
    assert trained.curve["step"].tolist() == [10, 20, 30, 40]
    assert run(tokenizer, budget(steps=41, evaluations=3)).curve["step"].tolist() == [14, 28, 41]
    assert trained.curve.notna().all().all()
    best = trained.curve.loc[trained.curve["validation_macro_f1"].idxmax()]
    assert trained.summary["best_step"] == best["step"]
    assert trained.summary["best_validation_macro_f1"] == pytest.approx(best["validation_macro_f1"], abs=1e-5)


def test_the_best_checkpoint_is_returned_not_the_last(tokenizer: PreTrainedTokenizerFast) -> None:
    # At this rate the loss climbs again soon after its minimum; the model must be the one of the minimum.
    trained = run(tokenizer, budget(learning_rate=0.5, metric="loss", steps=60, evaluations=12, warmup=0.0))
    validation = toy(tokenizer, 64, 2)
    logits, _ = predict(trained.model, validation, tokenizer.pad_token_id, 512, "fp32", "validation")
    assert validation.labels is not None
    loss = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(validation.labels)).item()
    assert loss == pytest.approx(trained.curve["validation_loss"].min(), rel=1e-3)


def test_the_same_seed_gives_the_same_weights(tokenizer: PreTrainedTokenizerFast) -> None:
    first, second, other = (run(tokenizer, budget(seed=seed)).model.state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_loss_that_is_no_number_gets_one_line(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(GraftError, match="lower learning_rate"):
        run(tokenizer, budget(learning_rate=1e38, metric="loss", warmup=0.0))


def test_a_batch_that_cannot_be_divided_is_refused(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(GraftError, match="batch_size 16 cannot be divided among 3 processes"):
        run(tokenizer, budget())


def test_phases_follow_one_another_and_projections_stay_behind(tokenizer: PreTrainedTokenizerFast) -> None:
    representation = {"share": 1.0, "losses": [{"name": "representation"}]}
    gold = {"share": 1.0, "losses": [{"name": "gold"}]}
    config = budget(steps=160, evaluations=2, metric="loss")
    trained = run(tokenizer, config, [representation, {"share": 2.0, "losses": [{"name": "logits_mse"}]}])
    assert "student" not in " ".join(trained.model.state_dict())
    assert trained.summary["parameters"] == run(tokenizer, config).summary["parameters"]
    assert trained.curve["validation_macro_f1"].iloc[-1] > 0.9
    # The gold labels of this lesson are false: the phase that reads them loses, and is not what is returned.
    misled = run(tokenizer, config, [*MSE, gold])
    assert misled.summary["best_step"] == 80
    assert misled.curve["validation_macro_f1"].iloc[-1] < 0.1 < 0.9 < misled.curve["validation_macro_f1"].iloc[0]


def test_a_phase_of_gold_labels_needs_a_labelled_row(tokenizer: PreTrainedTokenizerFast) -> None:
    phases = [PhaseConfig.model_validate(phase) for phase in (*MSE, {"losses": [{"name": "gold"}]})]
    model = student("static", SETTINGS, tokenizer, LABELS)
    signals = {"teacher_logits": np.zeros((3, 2), np.float32), "gold": np.full(3, -100)}
    with pytest.raises(GraftError, match=r"transfer.phases.1 learns from gold labels, and no row has one"):
        build_lesson(model, phases, signals, 10)


def test_accumulated_batches_give_the_gradient_of_one_large_batch(tokenizer: PreTrainedTokenizerFast) -> None:
    table = toy(tokenizer, 32, 1)
    logits = np.random.default_rng(0).normal(size=(32, 2)).astype(np.float32)
    gradients = []
    for accumulation in (1, 2, 4):
        seed_everything(3)
        model = student("static", SETTINGS, tokenizer, LABELS)
        phases = [PhaseConfig.model_validate(phase) for phase in MSE]
        lesson = build_lesson(model, phases, {"teacher_logits": logits, "gold": table.labels}, 1)
        gradients.append(_gradient(model, lesson, table, accumulation))
    for gradient in gradients[1:]:
        torch.testing.assert_close(gradient, gradients[0], rtol=1e-4, atol=1e-6)


def _gradient(model: PreTrainedModel, lesson: Lesson, table: TokenTable, accumulation: int) -> torch.Tensor:
    """The gradient that the Trainer's one step over all rows leaves to the optimiser."""
    seen: list[torch.Tensor] = []

    class Watch(TrainerCallback):
        def on_pre_optimizer_step(self, *_: object, **__: object) -> None:
            seen.append(torch.cat([each.grad.to_dense().flatten() for each in model.parameters()]))

    with tempfile.TemporaryDirectory() as folder:
        trainer = GraftTrainer(
            lesson=lesson,
            model=lesson.learner,
            args=TrainingArguments(
                folder,
                per_device_train_batch_size=32 // accumulation,
                gradient_accumulation_steps=accumulation,
                max_steps=1,
                use_cpu=True,
                remove_unused_columns=False,
                report_to="none",
                max_grad_norm=1e9,
            ),
            data_collator=BatchCollator(0),
            train_dataset=TokenDataset(table, lesson.signals),
            callbacks=[Watch()],
        )
        trainer.train()
    return seen[0]


def test_phases_draw_from_their_own_rows() -> None:
    lengths = np.arange(1, 41)
    pools = [(3, np.arange(40)), (30, np.array([3, 5, 7]))]
    rows = list(PhaseSampler(pools, lengths, 8, seed=1))
    assert len(rows) == 33 * 8
    assert len(set(rows[:24])) == 24
    assert set(rows[24:]) == {3, 5, 7}
    assert rows == list(PhaseSampler(pools, lengths, 8, seed=1)) != list(PhaseSampler(pools, lengths, 8, seed=2))


def test_batches_hold_texts_of_like_length_in_random_order() -> None:
    lengths = torch.randint(1, 60, (1000,)).tolist()
    torch.manual_seed(0)
    sampler = BatchShufflingSampler(16, lengths=lengths)
    rows = list(sampler)
    assert sorted(rows) == list(range(1000))
    batches = [[lengths[row] for row in rows[start : start + 16]] for start in range(0, 992, 16)]
    assert np.mean([max(batch) - min(batch) for batch in batches]) < 10
    longest = [max(batch) for batch in batches]
    assert abs(np.corrcoef(longest[:-1], longest[1:])[0, 1]) < 0.5, "neighbouring batches should not be alike"
