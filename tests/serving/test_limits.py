"""What is over the limits, too slow or not there any more: it is refused, and the server goes on."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psutil
import pytest

from benchmarks.serving import Served
from tests.serving.conftest import JSON, long_texts, refused

HEALTH = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextmanager
def connected(served: Served, sent: str, receives: int = 65536) -> Iterator[socket.socket]:
    """A connection by hand, on which ``sent`` was sent, whose buffer takes about ``receives`` bytes."""
    address = urlsplit(served.url)
    with socket.socket() as connection:
        connection.settimeout(10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        connection.connect((address.hostname, address.port))
        connection.sendall(sent.encode())
        yield connection


def head(length: int) -> str:
    lines = [
        "POST /classify HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""])


def answer(connection: socket.socket) -> bytes:
    """Return one answer, of a connection that stays open; its JSON ends it."""
    come = b""
    while not come.endswith(b"}"):
        come += connection.recv(65536)
    return come


def all_of(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_large_body_is_refused_whether_or_not_it_says_so(client: httpx2.Client, server: Served) -> None:
    before = psutil.Process(server.process.pid).memory_info().rss
    line = b'{"texts": ["' + b"x" * 10_000_000 + b'"]}'
    for _ in range(5):
        refused(client.post("/classify", content=line, headers=JSON), 413, "more than 4000000 bytes")
        pieces = (line[at : at + 100_000] for at in range(0, len(line), 100_000))
        refused(client.post("/classify", content=pieces, headers=JSON), 413, "more than 4000000 bytes")
    assert psutil.Process(server.process.pid).memory_info().rss < before + 30_000_000
    # It is refused before it is sent, too.
    with connected(server, head(10_000_000)) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_what_is_no_http_is_told_so(server: Served) -> None:
    with connected(server, "\x00\x01\r\n\r\n") as connection:
        assert all_of(connection).startswith(b"HTTP/1.1 400 ")


def test_a_flood_gets_429_and_the_server_goes_on(client: httpx2.Client) -> None:
    def ask(message: dict[str, Any]) -> httpx2.Response:
        return client.post("/classify", json=message)

    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(ask, long_texts(50)) for _ in range(20)]
        time.sleep(0.1)
        began = time.monotonic()
        assert client.get("/health").status_code == 200
        assert time.monotonic() - began < 1
        found = [each.result() for each in asked]
    count = Counter(response.status_code for response in found)
    assert set(count) == {200, 429}
    # One is worked on and two wait; more are served only as places get free.
    assert count[200] >= 3
    for response in found:
        if response.status_code == 429:
            refused(response, 429, "2 requests wait already")
            assert response.headers["Retry-After"] == "1"
    assert ask({"texts": ["good"]}).status_code == 200


def test_a_client_that_goes_away_frees_its_thread(client: httpx2.Client, server: Served) -> None:
    body = httpx2.Request("POST", server.url, json=long_texts(400)).content.decode()
    with connected(server, head(len(body)) + body):
        time.sleep(0.3)
    began = time.monotonic()
    assert client.post("/classify", json={"texts": ["good"]}).status_code == 200
    # The request that nobody waited for would have taken seconds.
    assert time.monotonic() - began < 1


def test_what_takes_too_long_is_given_up(hasty: Served) -> None:
    with httpx2.Client(base_url=hasty.url, trust_env=False, timeout=30) as client:
        response = client.post("/classify", json=long_texts(400))
        refused(response, 503, "no answer within 0.6 s")
        assert response.headers["Retry-After"] == "1"
        time.sleep(0.3)  # until the step that the thread was at has ended
        assert client.post("/classify", json={"texts": ["good"]}).status_code == 200


@pytest.mark.parametrize("sent", ["", "GET / HT", head(100), head(100) + '{"texts": ['])
def test_a_slow_client_is_not_waited_for(hasty: Served, sent: str) -> None:
    began = time.monotonic()
    with connected(hasty, sent) as connection:
        found = all_of(connection)
    assert found.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 3


def test_nor_is_it_for_its_second_request(hasty: Served) -> None:
    with connected(hasty, HEALTH) as connection:
        assert answer(connection).startswith(b"HTTP/1.1 200 ")
        began = time.monotonic()
        connection.sendall(head(100).encode())
        assert all_of(connection).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < 3


def test_a_client_that_sends_drop_by_drop_is_not_waited_for(hasty: Served) -> None:
    ended = threading.Event()
    with connected(hasty, head(1000)) as connection:

        def drip() -> None:
            while not ended.wait(0.05):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")
        finally:
            ended.set()
            dripping.join()


def test_a_client_that_takes_no_answer_is_not_waited_for(hasty: Served) -> None:
    with connected(hasty, HEALTH, receives=4096) as connection:
        assert answer(connection).startswith(b"HTTP/1.1 200 ")
        own, deadline = connection.getsockname()[1], time.monotonic() + 3
        server = psutil.Process(hasty.process.pid)
        # Each asks for more than that.
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)
        while any(each.raddr and each.raddr.port == own for each in server.net_connections()):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_one_connection_too_many_is_refused(client: httpx2.Client, server: Served) -> None:
    client.close()
    with ExitStack() as stack:
        for _ in range(256):
            stack.enter_context(connected(server, ""))
        assert b"256 connections are open" in all_of(stack.enter_context(connected(server, "")))
    with httpx2.Client(base_url=server.url, trust_env=False) as another:
        assert another.get("/health").status_code == 200


def test_a_quick_client_may_keep_its_connection(hasty: Served) -> None:
    with httpx2.Client(base_url=hasty.url, trust_env=False) as client:
        for _ in range(2):
            assert client.get("/health").status_code == 200
            # Longer than a request may take to arrive.
            time.sleep(0.7)
        assert client.get("/health").status_code == 200
