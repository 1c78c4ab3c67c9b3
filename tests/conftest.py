"""What several tests share: the labels, a tiny tokenizer trained on the spot, a tiny BERT."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Two processes of tests with two threads each would wait for one another on two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from hypothesis import settings
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
from xdist.scheduler import LoadScopeScheduling

from pipeline.task import Task
from tests.warm import Warm, warm_process

# A test must not fail because a machine is slow.
settings.register_profile("graft", deadline=None)
settings.load_profile("graft")

# Modules whose tests take minutes: begun first, so that no process is left alone with one of them at the end.
LONGEST = (
    "tests/whole/test_repro.py",
    "tests/whole/test_reruns.py",
    "tests/benchmarks/test_kills.py",
    "tests/sharing/test_remotes.py",
    "tests/sharing/test_fixpoint.py",
    "tests/lineage/test_compare.py",
    "tests/training/test_resume.py",
)
# Folders of tests that share what takes a minute to make.
SHARING = ("tests/whole", "tests/sharing", "tests/lineage")
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [
    "good",
    "great",
    "fine",
    "bad",
    "awful",
    "poor",
    "film",
    "book",
    "story",
    "plot",
    "the",
    "a",
    "is",
    "was",
    "not",
    "very",
    "it",
    "so",
    "and",
    "but",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(LONGEST)))


class RoomScheduling(LoadScopeScheduling):
    """Each module to one process; so a whole folder, where its modules share a finished pipeline."""

    def _split_scope(self, nodeid: str) -> str:
        shared = (folder for folder in SHARING if nodeid.startswith(f"{folder}/"))
        return next(shared, None) or super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> RoomScheduling:
    return RoomScheduling(config, log)


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """What stages start fast with, one for all tests of a process."""
    with warm_process(tmp_path_factory.mktemp("warm")) as process:
        yield process


def one_label(*labels: str) -> Task:
    """The task of telling which of ``labels`` a text has."""
    return Task("single_label", list(labels))


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Word-level tokenizer over ``WORDS`` with BERT's special tokens."""
    vocabulary = {word: at for at, word in enumerate(SPECIALS + WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=32,
    )


def write_pretrained(folder: Path) -> None:
    """A BERT of 2 layers with random weights, and its tokenizer, as a pretrained model's folder."""
    torch.manual_seed(0)
    tokenizer = build_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=0,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return build_tokenizer()


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrained")
    write_pretrained(folder)
    return folder


def rename_weights(model: Path, target: Path) -> None:
    """Copy the folder of a model to ``target``, with weights whose names are another model's."""
    shutil.copytree(model, target)
    named = {f"of_another.{name}": value for name, value in load_file(model / "model.safetensors").items()}
    save_file(named, target / "model.safetensors", metadata={"format": "pt"})
