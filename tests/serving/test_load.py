"""The benchmark itself, for a moment, on tiny models."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from benchmarks import load
from benchmarks.load import Load, figures, measure, unexpected, within_limits
from benchmarks.serving import serve_exports


def test_it_finds_nothing_wrong_with_the_server(
    exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(load, "OVERSIZED", 2)
    monkeypatch.setattr(load, "FLOOD", 50)
    monkeypatch.setattr(load, "FLOOD_TEXTS", load.LIMITS.max_texts)  # the models are fast
    with serve_exports(tmp_path / "log", exports) as served:
        assert asyncio.run(measure(served, seconds=0.8, clients=4)) == []
    said = capsys.readouterr().out
    assert "body of 10 MB: 2 × 413\nthe same in pieces: 2 × 413\ntoo many texts: 2 × 422\nflood: " in said
    assert "alive afterwards: yes; memory " in said


def test_it_finds_what_is_wrong() -> None:
    right = {"large": {413: 5}, "pieces": {413: 5}, "many": {422: 5}, "flood": {200: 3, 429: 2}}
    loads = {name: Load(statuses=Counter(statuses)) for name, statuses in right.items()}
    assert unexpected(loads) == []
    loads["many"].statuses[500] += 1
    assert unexpected(loads) == ["many: answered with 422, 500; 422 was due"]
    loads["flood"] = Load(statuses=Counter({200: 5}))
    assert len(unexpected(loads)) == 2


def test_figures() -> None:
    found = Load([0.1] * 19 + [0.5], Counter({200: 18, 0: 2}), 9)
    assert figures(32, found) == ["32", "2.0", "64", "100.0", "120.0", "20", "2"]


def test_the_last_answers_take_the_time_they_take() -> None:
    async def answer_slowly(_: httpx2.Request) -> httpx2.Response:
        return await asyncio.sleep(0.3, httpx2.Response(200))

    async def load() -> Load:
        transport = httpx2.MockTransport(answer_slowly)
        async with httpx2.AsyncClient(base_url="http://test", transport=transport) as client:
            return await within_limits(client, None, 1, 0.4, 2)

    found = asyncio.run(load())
    assert found.statuses[200] >= 2
    assert float(figures(1, found)[1]) <= 2 / 0.3 + 0.1, "two that wait 0.3 s for each answer get no more than this"
