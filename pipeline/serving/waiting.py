"""Work in a few threads, with a bounded number of requests that wait for one.

Threads cannot be killed: work is given a ``Check`` that it calls between its steps, which ends it by an exception
once nobody waits for its result any more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Semaphore
from typing import Any, TypeVar

Result = TypeVar("Result")
Check = Callable[[], None]


class FullError(Exception):
    """As many requests wait as may."""


class SlowError(Exception):
    """The answer took too long."""


class GoneError(Exception):
    """The client has closed its connection."""


class StoppedError(Exception):
    """Nobody waits for this work any more."""


class WaitingRoom:
    """``threads`` that work, ``places`` for requests that wait, and ``seconds`` for each of both together."""

    def __init__(self, threads: int, places: int, seconds: float) -> None:
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="work")
        self.free = Semaphore(threads + places)
        self.seconds = seconds

    async def do(self, work: Callable[[Check], Result], gone: Callable[[], Awaitable[None]]) -> Result:
        """Return what ``work`` does; FullError at once, SlowError after ``seconds``, GoneError once ``gone`` returns.

        A place is taken until the work has really ended, whoever waits for it.
        """
        if not self.free.acquire(blocking=False):
            raise FullError
        unwanted = Event()

        def check() -> None:
            if unwanted.is_set():
                raise StoppedError

        future = self.pool.submit(work, check)
        future.add_done_callback(self._leave)
        answer = asyncio.wrap_future(future)
        client = asyncio.ensure_future(gone())
        either: set[asyncio.Future[Any]] = {answer, client}
        try:
            done, _ = await asyncio.wait(either, timeout=self.seconds, return_when=asyncio.FIRST_COMPLETED)
            if answer in done:
                return answer.result()
            raise GoneError if client in done else SlowError
        finally:
            unwanted.set()
            answer.cancel()
            client.cancel()

    def close(self) -> None:
        """Begin no more work."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    def _leave(self, _: Future[Any]) -> None:
        self.free.release()
