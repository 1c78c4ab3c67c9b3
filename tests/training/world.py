"""What each of several processes does for ``test_worlds.py``: small trainings, and what came of them."""

import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from transformers import BertConfig, BertForMaskedLM, PreTrainedModel, TrainerCallback

from pipeline.models.encoder import load_pretrained_encoder
from pipeline.models.registry import student
from pipeline.pretraining.masking import Masks
from pipeline.pretraining.packing import Packed, pack
from pipeline.pretraining.trainer import MaskingCollator, PackedDataset, PretrainingTrainer
from pipeline.settings.pretraining import PretrainingConfig
from pipeline.settings.students import BudgetConfig
from pipeline.settings.transfer import PhaseConfig
from pipeline.settings.tuning import TuningConfig
from pipeline.stages import teach
from pipeline.tokens.batches import BatchCollator, TokenDataset
from pipeline.tokens.encoding import encode
from pipeline.tokens.table import TokenTable, write_tokens
from pipeline.training import optimizer, resume
from pipeline.training.arguments import training_arguments
from pipeline.training.checkpoints import unfinished_work
from pipeline.training.division import DEVICE_BATCH, Division
from pipeline.training.machine import seed_everything
from pipeline.training.trainer import GraftTrainer, train
from pipeline.transfer.lesson import build_lesson
from pipeline.tuning.gold import gold_loss
from tests.closure import ROOT
from tests.conftest import WORDS, build_tokenizer, write_pretrained

LABELS = ["bad", "good"]
# 16 rows, and in a second batch 3: fewer than the 8 parts of two processes with four micro-batches each.
ROWS, BATCH = 19, 16
KINDS = ("own", "balanced", "focal", "objective", "masked")
PHASES = [
    {"losses": [{"name": "logits_mse"}, {"name": "gold", "weight": 0.5}, {"name": "token_states", "weight": 2.0}]}
]
SETTINGS = {"embedding_size": 16, "hidden_size": 16, "dropout": 0.0, "word_dropout": 0.0}
TUNINGS = {
    "balanced": TuningConfig(class_weights="balanced"),
    "focal": TuningConfig(class_weights="balanced", loss="focal", gamma=2.0),
}
TOKENIZER = build_tokenizer()


def texts(rows: int, seed: int) -> tuple[list[str], np.ndarray]:
    source = np.random.default_rng(seed)
    labels = (source.random(rows) < 0.3).astype(np.int64)
    return [" ".join(source.choice(WORDS, source.integers(1, 12))) for _ in range(rows)], labels


def table(rows: int, seed: int) -> TokenTable:
    said, labels = texts(rows, seed)
    return encode(TOKENIZER, [f"r{at}" for at in range(rows)], said, 32, labels)[0]


def signals(of: TokenTable) -> dict[str, Any]:
    """What a teacher would say of each row, some tokens of which it does not know; half the rows have a label."""
    source = np.random.default_rng(5)
    states = source.normal(size=(len(of), 32, 4)).astype(np.float32)
    states[source.random((len(of), 32)) < 0.4] = 0
    assert of.labels is not None
    gold = np.where(np.arange(len(of)) % 2, of.labels, -100)
    return {"teacher_logits": source.normal(size=(len(of), 2)).astype(np.float32), "gold": gold} | {
        "teacher_tokens": Cut(of, states)
    }


class Cut:
    """States of the tokens of each row, in a batch as many as its longest text has."""

    def __init__(self, of: TokenTable, states: np.ndarray) -> None:
        self.of, self.states = of, states

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        lengths = self.of.lengths[rows]
        longest = max(int(lengths.max(initial=1)), 1)
        return self.states[rows, :longest] * (np.arange(longest) < lengths[:, None])[:, :, None]


def small_model(kind: str) -> PreTrainedModel:
    seed_everything(3)
    if kind != "masked":
        return student("static", SETTINGS, TOKENIZER, LABELS)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    return BertForMaskedLM(BertConfig(vocab_size=len(TOKENIZER), max_position_embeddings=32, **sizes, **still))


def packed() -> Packed:
    return pack(TOKENIZER, texts(60, 4)[0], 12)


def masks() -> Masks:
    config = PretrainingConfig(
        source="data/prepared/transfer.parquet", tokenizer="t", config={"model_type": "bert"}, steps=2, rate=0.05
    )
    return Masks.of(TOKENIZER, config)


class Seen(TrainerCallback):
    """Gradients before every step, of every weight that has one."""

    def __init__(self, of: torch.nn.Module) -> None:
        self.of = of
        self.gradients: list[dict[str, torch.Tensor]] = []

    def on_pre_optimizer_step(self, *_: object, **__: object) -> None:
        found = {name: each.grad for name, each in self.of.named_parameters() if each.grad is not None}
        self.gradients.append({name: grad.to_dense().clone() for name, grad in found.items()})


def two_steps(kind: str, accumulation: int) -> dict[str, Any]:
    """The rows, the gradients and the losses of two steps that move nothing."""
    optimizer.LARGE = len(TOKENIZER)
    os.environ[DEVICE_BATCH] = str(-(-BATCH // accumulation // int(os.environ.get("WORLD_SIZE", "1"))))
    model, rows = small_model(kind), []
    config = BudgetConfig(batch_size=BATCH, learning_rate=1e-30, steps=2, precision="fp32", warmup=0.0)
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {
            "batch_size": BATCH,
            "args": training_arguments(folder, config, 2, 2, 3, "loss", save_only_model=True, max_grad_norm=1e9),
        }
        if kind == "masked":
            data = packed()
            options |= {"train_dataset": PackedDataset(data, 3), "eval_dataset": PackedDataset(data, 4)}
            of, collator = model, noting(MaskingCollator(masks()), options["train_dataset"], rows)
            one: Any = PretrainingTrainer(model=model, data_collator=collator, **options)
        else:
            train_table = table(ROWS, 1)
            lesson, loss = None, None
            if kind == "objective":
                lesson = build_lesson(model, list(map(PhaseConfig.model_validate, PHASES)), signals(train_table), 2)
                train_table = TokenTable(train_table.ids, train_table.input_ids, train_table.offsets)
            elif kind in TUNINGS:
                loss = gold_loss(TUNINGS[kind], train_table.labels, 2)
            optimizer.make_embeddings_sparse(model)
            of = model if lesson is None else lesson.learner
            dataset = TokenDataset(train_table, {} if lesson is None else lesson.signals)
            one = GraftTrainer(
                lesson=lesson,
                loss=loss,
                model=of,
                data_collator=noting(BatchCollator(0), dataset, rows),
                train_dataset=dataset,
                eval_dataset=TokenDataset(table(ROWS, 2)),
                preprocess_logits_for_metrics=lambda outputs, labels: outputs[0],
                **options,
            )
        seen = Seen(of)
        one.add_callback(seen)
        one.train()
        losses = [entry["loss"] for entry in one.state.log_history if "loss" in entry]
        looks = [entry["eval_loss"] for entry in one.state.log_history if "eval_loss" in entry]
        assert one.division == Division(BATCH, one.args.world_size, accumulation)
    return {"rows": rows, "gradients": seen.gradients, "losses": losses, "looks": looks}


def noting(collator: Callable, of: Any, rows: list[list[int]]) -> Callable:
    """``collator`` that also notes in ``rows`` which rows of the dataset ``of`` it is given."""

    def collate(items: list[tuple[Any, Any]]) -> Any:
        if items[0][0] is of:
            rows.append([at for _, at in items])
        return collator(items)

    return collate


PASSES = {"embedding_size": 16, "hidden_size": 16}


def training(work: Path | None, dropout: float = 0.3) -> dict[str, torch.Tensor]:
    """The weights after a control's training of three passes and a bit, with its checkpoints in ``work``."""
    seed_everything(3)
    optimizer.LARGE = len(TOKENIZER)
    model = student("static", PASSES | {"dropout": dropout, "word_dropout": dropout / 3}, TOKENIZER, LABELS)
    config = BudgetConfig(batch_size=16, learning_rate=0.01, steps=10, precision="fp32", seed=3)
    tables = {"train": table(40, 1), "validation": table(ROWS, 2)}
    trained = train(model, tables, 0, config, 10, 3, 3, None, work)
    return trained.model.state_dict() | {"best": torch.tensor(trained.summary["best_validation_macro_f1"])}


class Killed(BaseException):
    """What a training is ended with."""


def killed_and_taken_up(work: Path) -> dict[str, torch.Tensor]:
    """The same training, with a checkpoint after every step, ended after step 7 of 10, within a pass, and taken up."""
    save = resume.ResumableTrainer._save_checkpoint

    def saved(self: Any, model: Any, trial: Any) -> None:
        save(self, model, trial)
        if self.state.global_step == 7:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("SECONDS", 0.0), ("TIMES", 0.0), ("ASKING", 1)):
            patch.setattr(resume, name, value)
        patch.setattr(resume.ResumableTrainer, "_save_checkpoint", saved)
        with pytest.raises(Killed):
            training(work)
    return training(work)


def write_project(folder: Path) -> None:
    """What the stage ``teach`` reads: a teacher that has not learnt, and 50 texts in shards of 8."""
    write_pretrained(folder / "pretrained")
    model = load_pretrained_encoder(folder / "pretrained", LABELS, TOKENIZER)
    model.save_pretrained(folder / "models/teacher/tiny")
    TOKENIZER.save_pretrained(folder / "models/teacher/tiny")
    write_tokens(folder / "data/tokenized/tiny/transfer.arrow", table(50, 6))
    yaml = YAML()
    values = yaml.load((ROOT / "params.yaml").read_text())
    values["teachers"] = {"tiny": {"pretrained": "tiny", "tokenizer": "tiny", "seed": 1}}
    values["teach"].update(shard_texts=8, precision="fp32", token_states=4)
    with (folder / "params.yaml").open("w") as stream:
        yaml.dump(values, stream)


def taught(folder: Path) -> dict[str, bytes]:
    """The signals that the stage ``teach`` leaves in the project ``folder``."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        teach.main("tiny")
        return {path.name: path.read_bytes() for path in sorted(Path("signals/tiny").iterdir())}
    finally:
        os.chdir(here)


def live(rank: int, world: int, port: int, folder: Path) -> None:
    """One process's life: what it saw lies in ``folder`` afterwards."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(world)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    os.environ["DVC_ROOT"] = str(folder)
    torch.distributed.init_process_group("gloo")
    seen: dict[str, Any] = {
        f"{kind} {accumulation}": two_steps(kind, accumulation) for kind in KINDS for accumulation in (1, 2, 4)
    }
    os.environ.pop(DEVICE_BATCH)
    with unfinished_work("control@a", {}, []) as work:
        seen["folder"] = str(work)
        seen["still"] = training(work / "still", dropout=0.0)
        seen["whole"] = training(work / "whole")
        seen["taken up"] = killed_and_taken_up(work / "killed")
    seen["gone"] = not work.exists()
    seen["signals"] = taught(folder / "project")
    torch.save(seen, folder / f"{rank}.pt")


def launch(world: int, folder: Path) -> list[dict[str, Any]]:
    """What each of ``world`` processes saw."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Forked, for they have torch loaded then; but a fork cannot use a GPU that this process has begun to use.
    method = "spawn" if torch.cuda.is_available() else "fork"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CUDA_VISIBLE_DEVICES", "")
        torch.multiprocessing.start_processes(live, (world, port, folder), nprocs=world, start_method=method)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(world)]
