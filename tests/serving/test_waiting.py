"""Nobody waits for ever, nothing is worked on that nobody waits for, and no place is lost."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from pipeline.serving.waiting import Check, FullError, GoneError, SlowError, WaitingRoom


@pytest.fixture
def room() -> Iterator[WaitingRoom]:
    room = WaitingRoom(threads=1, places=1, seconds=0.3)
    yield room
    room.close()


async def stay() -> None:
    await asyncio.sleep(60)


def endless(check: Check) -> None:
    while True:
        time.sleep(0.01)
        check()


async def free_again(room: WaitingRoom) -> None:
    """Both places are free, and the thread works."""
    for _ in range(100):
        if room.free._value == 2:
            break
        await asyncio.sleep(0.01)
    assert await asyncio.gather(*(room.do(lambda check: 7, stay) for _ in range(2))) == [7, 7]


def test_who_finds_no_place_is_told_at_once(room: WaitingRoom) -> None:
    async def come() -> None:
        began = time.monotonic()
        found = await asyncio.gather(*(room.do(endless, stay) for _ in range(5)), return_exceptions=True)
        kinds = [type(each) for each in found]
        assert kinds.count(SlowError) == 2
        assert kinds.count(FullError) == 3
        assert time.monotonic() - began < 2
        await free_again(room)

    asyncio.run(come())


def test_work_ends_when_the_client_is_gone(room: WaitingRoom) -> None:
    ended = threading.Event()

    def watched(check: Check) -> None:
        try:
            endless(check)
        finally:
            ended.set()

    async def come() -> None:
        with pytest.raises(GoneError):
            await room.do(watched, lambda: asyncio.sleep(0.05))
        assert await asyncio.to_thread(ended.wait, 2)
        await free_again(room)

    asyncio.run(come())


def test_a_fault_of_the_work_is_the_askers(room: WaitingRoom) -> None:
    async def come() -> None:
        with pytest.raises(ZeroDivisionError):
            await room.do(lambda check: 1 // 0, stay)
        await free_again(room)

    asyncio.run(come())
