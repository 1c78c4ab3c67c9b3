"""Two tiny models, taught what is good and bad, exported as the stage does; and servers of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from benchmarks.serving import Served, serve_exports
from pipeline.deployment.bundle import settings
from pipeline.deployment.classifier import FILES
from pipeline.deployment.onnx import export_onnx, quantize
from pipeline.models.registry import student
from pipeline.text.policy import Policy
from tests.conftest import SPECIALS, WORDS, one_label

JSON = {"Content-Type": "application/json"}
LABELS = ["bad", "good"]
TEMPERATURE = 1.5
BAD, GOOD = ["bad", "awful", "poor", "坏"], ["good", "great", "fine", "好"]
NEUTRAL = ["the film", "a book is", "plot and story", "电 影", "it was so"]


def read_chinese() -> PreTrainedTokenizerFast:
    """The tests' tokenizer, which also knows some Chinese, a character a token as BERT has it."""
    vocabulary = {word: at for at, word in enumerate([*SPECIALS, *WORDS, *"好坏电影"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIALS, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=16, **names)


def teach(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """Have ``model`` learn that good words make a good text."""
    texts = [f"{around} {word}" for around in NEUTRAL for word in (*BAD, *GOOD)]
    labels = torch.tensor([int(word in GOOD) for _ in NEUTRAL for word in (*BAD, *GOOD)])
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        model(batch["input_ids"], batch["attention_mask"], labels=labels).loss.backward()
        optimizer.step()
    return model.eval()


def export(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    folder.mkdir(parents=True)
    export_onnx(model, folder / FILES["fp32"])
    quantize(folder / FILES["fp32"], folder / FILES["int8"])
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    chosen = settings(one_label(*LABELS), tokenizer, Policy(), TEMPERATURE, 0.9)
    (folder / "settings.json").write_text(json.dumps(chosen), encoding="utf-8")


@pytest.fixture(scope="session")
def bilingual() -> PreTrainedTokenizerFast:
    return read_chinese()


@pytest.fixture(scope="session")
def taught(bilingual: PreTrainedTokenizerFast) -> PreTrainedModel:
    torch.manual_seed(0)
    return teach(student("static", {"embedding_size": 12, "hidden_size": 8}, bilingual, LABELS), bilingual)


@pytest.fixture(scope="session")
def exports(
    taught: PreTrainedModel, bilingual: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("served") / "exports"
    export(taught, bilingual, folder / "static")
    teacher = teach(
        student("textcnn", {"embedding_size": 12, "filters": 6, "widths": [1, 2]}, bilingual, LABELS), bilingual
    )
    export(teacher, bilingual, folder / "teacher" / "tiny")
    return folder


@pytest.fixture(scope="session")
def server(exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One that works on one request and lets two wait; its limits allow for requests that take seconds."""
    words = ("--threads", 1, "--queue", 2, "--timeout", 20, "--max-texts", 400, "--max-bytes", 4_000_000)
    with serve_exports(tmp_path_factory.mktemp("server") / "log", exports, *words) as served:
        yield served


@pytest.fixture(scope="session")
def hasty(exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One that waits for nobody."""
    words = ("--threads", 1, "--timeout", 0.6, "--max-texts", 400, "--max-bytes", 4_000_000)
    with serve_exports(tmp_path_factory.mktemp("hasty") / "log", exports, *words) as served:
        yield served


@pytest.fixture
def client(server: Served) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        yield client


def long_texts(number: int) -> dict[str, Any]:
    """A request that takes some tenths of a second for every hundred texts."""
    return {"texts": ["not so good film " * 550] * number}


def refused(response: httpx2.Response, status: int, *words: str) -> None:
    """It has the status and one line, which holds ``words``."""
    assert response.status_code == status, response.text
    line = response.json()["error"]
    assert line
    assert "\n" not in line
    for word in words:
        assert word in line
