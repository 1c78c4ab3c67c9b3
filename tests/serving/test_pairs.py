"""A served model of pairs: a second text for each first one, over HTTP and on the page."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import torch
from playwright.sync_api import expect

from benchmarks.serving import Served, serve_exports
from pipeline.deployment.bundle import settings
from pipeline.deployment.classifier import FILES, Classifier
from pipeline.deployment.onnx import export_onnx, quantize
from pipeline.models.registry import student
from pipeline.task import Task
from pipeline.text.policy import Policy
from pipeline.tokens.pairs import separate_pairs
from tests.browser import open_browser
from tests.conftest import build_tokenizer
from tests.serving.conftest import refused


@pytest.fixture(scope="module")
def comparing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of random weights that reads pairs."""
    folder = tmp_path_factory.mktemp("served") / "static"
    folder.mkdir()
    tokenizer = build_tokenizer()
    separate_pairs(tokenizer, is_own=False)
    torch.manual_seed(0)
    model = student("static", {"embedding_size": 12, "hidden_size": 8}, tokenizer, ["no", "yes"], pairs=True).eval()
    export_onnx(model, folder / FILES["fp32"])
    quantize(folder / FILES["fp32"], folder / FILES["int8"])
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    chosen = settings(Task("single_label", ["no", "yes"], pairs=True), tokenizer, Policy())
    (folder / "settings.json").write_text(json.dumps(chosen), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def served(comparing: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_exports(tmp_path_factory.mktemp("server") / "log", comparing, "--threads", 1) as served:
        yield served


def test_pairs_are_answered_and_what_is_none_is_refused(served: Served, comparing: Path, client: httpx2.Client) -> None:
    texts, seconds = ["good film", "a book", ""], ["bad film", "\u200b", "a book"]
    with httpx2.Client(base_url=served.url, trust_env=False, timeout=30) as asked:
        found = asked.post("/classify", json={"texts": texts, "text_pairs": seconds}).raise_for_status().json()
        wanted = next(Classifier(comparing).classify([("good film", "bad film")]))
        assert found["answers"][0]["static"] == {name: wanted[name] for name in ("label", "probabilities")}
        assert [answer["static"] for answer in found["answers"][1:]] == [
            {"refused": "text_pair_empty"},
            {"refused": "empty"},
        ]
        assert asked.get("/models").json()["models"][0]["pairs"] is True
        refused(asked.post("/classify", json={"texts": texts}), 422, "static reads pairs", "send text_pairs too")
        unlike = asked.post("/classify", json={"texts": texts, "text_pairs": ["a"]})
        refused(unlike, 422, "3 texts and 1 text_pairs")
        refused(asked.post("/explain", json={"text": "good"}), 422, "only the answers to single texts are explained")
    refused(client.post("/classify", json={"texts": ["a"], "text_pairs": ["b"]}), 422, "leave text_pairs out")


def test_the_page_asks_for_two_texts(served: Served) -> None:
    with open_browser() as browser:
        page = browser.new_page()
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(served.url)
        expect(page.locator("#headline")).to_have_text("Type two texts; every model says what it makes of them.")
        page.get_by_role("textbox", name="Second text").fill("bad film")
        page.get_by_role("textbox", name="First text").fill("good film")
        page.keyboard.press("Control+Enter")
        expect(page.get_by_role("status")).to_contain_text("static.")
        expect(page.locator("#words")).to_be_hidden()
        assert faults == []
