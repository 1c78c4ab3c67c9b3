"""A fault of the server's own: the client gets a line, stderr the place, and nobody the text."""

import asyncio
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import pytest

from pipeline.deployment.classifier import Classifier
from pipeline.serving.app import create_app
from pipeline.serving.guard import Guard
from pipeline.serving.limits import Limits
from pipeline.serving.scoring import Model
from pipeline.serving.waiting import WaitingRoom


def classify(texts: Iterable[str]) -> Iterator[dict[str, Any]]:
    raise ValueError(f"cannot read {list(texts)}")


def test_a_fault_is_told_without_the_text(capfd: pytest.CaptureFixture[str]) -> None:
    broken = Model("broken", 1, cast(Classifier, SimpleNamespace(classify=classify, pairs=False)))
    room = WaitingRoom(threads=1, places=1, seconds=5)
    app = Guard(create_app({"broken": broken}, Limits(), room), local=True, most=1000)

    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post("/classify", json={"texts": ["my secret"]})

    response = asyncio.run(ask())
    room.close()
    assert response.status_code == 500
    assert response.json() == {"error": "the server failed on this request; its stderr says where"}
    said = capfd.readouterr().err
    assert said.startswith("graft: serve: a request failed: POST ValueError at ")
    assert said.count("\n") == 1
    assert "secret" not in said
