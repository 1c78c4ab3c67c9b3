"""``python -m benchmarks.load``: what ``pipeline.serve`` answers a second, and that nothing over its limits harms it.

Starts the server as a user does, on a free port, and asks it from this process, over connections that are kept: all
models and one student, for one text a request and for 32, a quarter of ``--seconds`` each, from ``--clients`` at
once. That is within the limits: every answer must be a 200. Then comes what is over them: bodies too large (413),
batches too long (422), and a flood of requests (429, or 503 for what has waited too long). At the end the server must
still answer, and hold no more memory than before but for ``GROWTH``. Exits with status 1 and a line if anything is not
so. The client's own work is in the times, on the same processor.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import psutil

from benchmarks.serving import Served, serve_exports
from benchmarks.tables import markdown_table
from pipeline.errors import GraftError
from pipeline.report.numbers import count
from pipeline.serving.limits import Limits

LIMITS = Limits()
BATCHES = (1, 32)
OVERSIZED = 20  # requests of each kind that is over a limit
FLOOD, FLOOD_TEXTS = 200, 16  # requests at once, and texts in each
GROWTH = 100_000_000  # bytes that allocators may keep
SEED = 7

HEADINGS = ("asked", "texts a request", "requests/s", "texts/s", "p50, ms", "p95, ms", "requests", "errors")
TEXT = (
    "the plot is thin and the jokes are old but I loved every minute of it what a gorgeous film :) not my kind of phone"
    " it broke after two days; nobody answers. service was never rude, though quite slow and the meal came late again!"
)


@dataclass
class Load:
    """What came back: seconds of each answer, and how many had which status; 0 stands for no answer at all.

    ``elapsed`` are the seconds from the first question to the last answer.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    elapsed: float = 0.0

    @property
    def errors(self) -> int:
        """Answers that were none."""
        return self.statuses.total() - self.statuses[200]


def main() -> None:
    """Read the command line, load the server, print what it did."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description="Load on the server.")
    parser.add_argument("--exports", type=Path, default=Path("exports"), help="folder of exported models (%(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of load within the limits (%(default)s)")
    parser.add_argument("--clients", type=int, default=8, help="that ask at once (%(default)s)")
    options = parser.parse_args()
    if not 1 <= options.clients <= LIMITS.queue or not options.seconds > 0:
        sys.exit(f"graft: load: --clients must be 1 to {LIMITS.queue}, which is as many as may wait, --seconds above 0")
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            serve_exports(Path(folder) / "log", options.exports) as served,
        ):
            faults = asyncio.run(measure(served, options.seconds, options.clients))
    except GraftError as error:
        sys.exit(f"graft: load: {error}")
    if faults:
        sys.exit(f"graft: load: {'; '.join(faults)}")


async def measure(served: Served, seconds: float, clients: int) -> list[str]:
    """Load the server within its limits and over them; print both, return what was not as it must be."""
    faults = []
    connections = httpx2.Limits(max_connections=FLOOD, max_keepalive_connections=clients)
    async with httpx2.AsyncClient(base_url=served.url, limits=connections, trust_env=False, timeout=60) as client:
        lines = []
        one_student = (await client.get("/health")).json()["models"][:1]
        kinds = [(names, texts) for names in (None, one_student) for texts in BATCHES]
        for names, texts in kinds:
            load = await within_limits(client, names, texts, seconds / len(kinds), clients)
            lines.append([names[0] if names else "all models", *figures(texts, load)])
            faults += [f"{load.errors} errors within the limits"] if load.errors else []
        print(markdown_table(HEADINGS, lines))
        before = memory(served)
        found = await over_limits(client)
        print()
        for kind, load in found.items():
            print(f"{kind}: " + ", ".join(f"{number} × {status}" for status, number in sorted(load.statuses.items())))
        faults += unexpected(found)
        alive = await answers(client)
        after = memory(served)
    faults += [] if alive else ["the server does not answer any more"]
    print(f"alive afterwards: {'yes' if alive else 'no'}; memory {before / 1e6:.0f} MB, then {after / 1e6:.0f} MB")
    if after > before + GROWTH:
        faults.append(f"memory grew by {(after - before) / 1e6:.0f} MB")
    return faults


async def within_limits(
    client: httpx2.AsyncClient, names: list[str] | None, texts: int, seconds: float, clients: int
) -> Load:
    """Have every client ask the models of these ``names`` again and again, for so many seconds."""
    draw = random.Random(SEED)
    load = Load()
    await ask(client, Load(), batch(draw, texts, names))  # the first answer is slower than all others
    began = time.monotonic()

    async def one_client() -> None:
        while time.monotonic() < began + seconds:
            await ask(client, load, batch(draw, texts, names))

    await asyncio.gather(*(one_client() for _ in range(clients)))
    # The last answers come after the last questions; to count them in the seconds of the questions would be too many.
    load.elapsed = time.monotonic() - began
    return load


async def over_limits(client: httpx2.AsyncClient) -> dict[str, Load]:
    """Ask for more than may be asked for, in each way."""
    draw = random.Random(SEED)
    large = json.dumps({"texts": ["x" * 10_000_000]}).encode()
    found = {name: Load() for name in ("body of 10 MB", "the same in pieces", "too many texts", "flood")}

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(large), 65536):
            yield large[at : at + 65536]

    for _ in range(OVERSIZED):
        await ask(client, found["body of 10 MB"], content=large)
        await ask(client, found["the same in pieces"], content=pieces())
        await ask(client, found["too many texts"], batch(draw, LIMITS.max_texts + 1))
    await asyncio.gather(*(ask(client, found["flood"], batch(draw, FLOOD_TEXTS)) for _ in range(FLOOD)))
    return found


def unexpected(found: dict[str, Load]) -> list[str]:
    """Say which answers to what is over the limits are not the ones that are due."""
    faults = []
    for (kind, load), (due, allowed) in zip(
        found.items(), ((413, ()), (413, ()), (422, ()), (429, (200, 503))), strict=True
    ):
        if due not in load.statuses or not set(load.statuses) <= {due, *allowed}:
            faults.append(f"{kind}: answered with {', '.join(map(str, sorted(load.statuses)))}; {due} was due")
    return faults


async def answers(client: httpx2.AsyncClient) -> bool:
    """Whether the server says that it is well, and classifies a text."""
    load = Load()
    await ask(client, load, batch(random.Random(SEED), 1))
    return (await client.get("/health")).status_code == 200 and not load.errors


async def ask(
    client: httpx2.AsyncClient, load: Load, message: dict[str, Any] | None = None, content: Any = None
) -> None:
    """Send one request and note what came back."""
    began = time.perf_counter()
    body = content if message is None else json.dumps(message).encode()
    try:
        response = await client.post("/classify", content=body, headers={"Content-Type": "application/json"})
        load.statuses[response.status_code] += 1
    except httpx2.HTTPError:
        load.statuses[0] += 1
    load.seconds.append(time.perf_counter() - began)


def batch(draw: random.Random, texts: int, names: list[str] | None = None) -> dict[str, Any]:
    """Return a request of texts of 4 to 40 words."""
    words = TEXT.split()
    message = {"texts": [" ".join(draw.choices(words, k=draw.randint(4, 40))) for _ in range(texts)]}
    return message if names is None else message | {"models": names}


def figures(texts: int, load: Load) -> list[str]:
    """Return a line of the table, but for who was asked."""
    answered = load.statuses[200]
    p50, p95 = np.percentile(load.seconds, [50, 95]) * 1000
    rates = [f"{answered / load.elapsed:.1f}", f"{answered * texts / load.elapsed:.0f}"]
    return [str(texts), *rates, f"{p50:.1f}", f"{p95:.1f}", count(load.statuses.total()), str(load.errors)]


def memory(served: Served) -> int:
    """Resident bytes of the server."""
    return int(psutil.Process(served.process.pid).memory_info().rss)


if __name__ == "__main__":
    main()
