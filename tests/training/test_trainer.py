"""Training on a toy task: it learns, keeps its best checkpoint, repeats itself, and fails with one line."""

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from pipeline.configs import BudgetConfig, LossConfig
from pipeline.errors import GraftError
from pipeline.models.registry import student
from pipeline.tokens.encoding import encode
from pipeline.tokens.table import TokenTable
from pipeline.training.machine import seed_everything
from pipeline.training.prediction import predict, softmax
from pipeline.training.trainer import BatchShufflingSampler, Trained, train
from pipeline.transfer.objective import Objective

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


def run(tokenizer: PreTrainedTokenizerFast, config: BudgetConfig, transfer: bool = False) -> Trained:
    tables = {"train": toy(tokenizer, 256, 1), "validation": toy(tokenizer, 64, 2)}
    labels = tables["train"].labels
    assert labels is not None
    signals = {"teacher_logits": np.eye(2, dtype=np.float32)[labels] * 6 - 3}
    if transfer:
        tables["train"] = TokenTable(tables["train"].ids, tables["train"].input_ids, tables["train"].offsets)
    seed_everything(config.seed)
    return train(
        student("static", SETTINGS, tokenizer, LABELS),
        tables,
        tokenizer.pad_token_id,
        config,
        config.steps,
        config.evaluations,
        config.seed,
        Objective([LossConfig(name="logits_mse")]) if transfer else None,
        signals if transfer else None,
    )


@pytest.mark.parametrize("transfer", [False, True])
def test_it_learns_from_labels_and_from_signals_alone(tokenizer: PreTrainedTokenizerFast, transfer: bool) -> None:
    trained = run(tokenizer, budget(steps=80, evaluations=1), transfer)
    test = toy(tokenizer, 200, 3)
    logits, pooled = predict(trained.model, test, tokenizer.pad_token_id, 512, "fp32", "test")
    assert (logits.argmax(1) == test.labels).mean() > 0.95
    assert pooled.shape == (200, 16)
    if transfer:
        # The teacher says ±3, so the student must answer on that scale, which gold labels would not teach it.
        assert np.abs(logits).mean() == pytest.approx(3, abs=0.7)
    np.testing.assert_allclose(softmax(logits).sum(1), 1)


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
