"""The real server, asked over HTTP: what it says, what it refuses, and that nothing brings it down."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psutil
import pytest

from benchmarks.serving import Served
from pipeline.deployment.runtime import Classifier
from tests.serving.conftest import long_texts

JSON = {"Content-Type": "application/json"}
HEALTH = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def refused(response: httpx2.Response, status: int, *words: str) -> None:
    """It has the status and one line, which holds ``words``."""
    assert response.status_code == status, response.text
    line = response.json()["error"]
    assert line
    assert "\n" not in line
    for word in words:
        assert word in line


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


def test_every_model_answers_every_text(client: httpx2.Client, exports: Path) -> None:
    texts = ["good film", "", "这是坏电影", "so awful 😡 and poor", "\u200b\n", "good 🏳️‍🌈 book " * 40]
    found = client.post("/classify", json={"texts": texts}).raise_for_status().json()
    assert set(found["milliseconds"]) == {"static", "teacher/tiny"}
    assert all(value > 0 for value in found["milliseconds"].values())
    for name in found["milliseconds"]:
        wanted = [{**answer} for answer in Classifier(exports / name).classify(texts)]
        for answer in wanted:
            del answer["text"]
        assert [answer[name] for answer in found["answers"]] == wanted
    answers = [answer["static"] for answer in found["answers"]]
    assert [answer.get("label", answer.get("refused")) for answer in answers[:5]] == [
        "good",
        "empty",
        "bad",
        "bad",
        "empty",
    ]


def test_one_model_may_be_asked(client: httpx2.Client) -> None:
    found = client.post("/classify", json={"texts": ["good"], "models": ["teacher/tiny"]}).json()
    assert list(found["answers"][0]) == list(found["milliseconds"]) == ["teacher/tiny"]


def test_it_says_what_it_holds(client: httpx2.Client) -> None:
    assert client.get("/health").json() == {"ready": True, "models": ["static", "teacher/tiny"]}
    found = client.get("/models").json()
    assert [(model["name"], model["kind"]) for model in found["models"]] == [
        ("static", "student"),
        ("teacher/tiny", "teacher"),
    ]
    assert found["limits"]["max_texts"] == 400
    assert set(client.get("/openapi.json").json()["paths"]) == {"/health", "/models", "/classify", "/explain"}
    assert client.head("/health").status_code == 200


def test_words_are_weighed_for_the_first_student_or_the_model_named(client: httpx2.Client) -> None:
    for message in ({"text": "电影好 is so"}, {"text": "电影好 is so", "model": "teacher/tiny"}):
        found = client.post("/explain", json=message).json()
        weights = {found["text"][word["start"] : word["end"]]: word["weight"] for word in found["words"]}
        assert list(weights) == ["电", "影", "好", "is", "so"]
        assert found["label"] == "good"
        assert max(weights, key=weights.__getitem__) == "好"
    assert client.post("/explain", json={"text": " \u200b"}).json() == {"refused": "empty"}


@pytest.mark.parametrize("escaped", [r"\ud800", r"\udfff\ud800", r"a \ud83d b"])
def test_halves_of_surrogate_pairs_are_no_fault(client: httpx2.Client, escaped: str) -> None:
    for path, body in (("/classify", f'{{"texts": ["{escaped}"]}}'), ("/explain", f'{{"text": "{escaped}"}}')):
        assert client.post(path, content=body, headers=JSON).status_code in (200, 422)
    refused(client.post("/explain", content=f'{{"text": "a", "model": "{escaped}"}}', headers=JSON), 422)
    refused(client.post("/explain", content=f'{{"{escaped}": "a"}}', headers=JSON), 422)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"texts": []}', "texts is empty"),
        ('{"texts": "good"}', "texts: Input should be a valid list"),
        ('{"texts": ["good", 3]}', "texts[1]: Input should be a valid string"),
        ('{"texts": ["good"], "models": []}', "models: "),
        ('{"texts": ["good"], "models": ["x"]}', "'x' is no model here; there are: static, teacher/tiny"),
        ('{"texts": ["good"], "model": "x"}', "model: Extra inputs are not permitted"),
        ('{"text": "good"}', "texts: Field required"),
        ('["good"]', "must be a JSON object"),
        ('{"texts": ["good"]', "no JSON"),
        ("[" * 100_000, "no JSON"),
        (b'{"texts": ["\xff"]}', "no JSON"),
        ("", "the body"),
        (json.dumps({"texts": ["a"] * 401}), "401 texts; at most 400"),
        (json.dumps({"texts": ["a", "x" * 10_001]}), "text 2 has 10001 characters; at most 10000"),
    ],
)
def test_what_has_the_wrong_shape_gets_a_line(client: httpx2.Client, body: str | bytes, words: str) -> None:
    refused(client.post("/classify", content=body, headers=JSON), 422, words)


def test_what_is_not_said_to_be_json_is_not_read(client: httpx2.Client) -> None:
    # A page elsewhere can have a browser send this without asking first; JSON it cannot.
    body = '{"texts": ["good"]}'
    refused(client.post("/classify", content=body, headers={"Content-Type": "text/plain"}), 422, "application/json")


def test_other_paths_and_methods(client: httpx2.Client) -> None:
    refused(client.get("/nothing"), 404)
    refused(client.post("/health/"), 404)
    response = client.get("/classify")
    refused(response, 405)
    assert response.headers["Allow"] == "POST"


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


def test_a_page_of_the_web_cannot_pass_for_this_machine(client: httpx2.Client) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "", "[::1"):
        refused(client.get("/models", headers={"Host": host}), 421)
    for host in ("localhost", "LOCALHOST:80", "127.0.0.1:9", "[::1]:8000"):
        assert client.get("/models", headers={"Host": host}).status_code == 200
    response = client.get("/models", headers={"Origin": "https://evil.example"})
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


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


def test_nothing_of_this_was_written_down(server: Served, hasty: Served) -> None:
    for served in (server, hasty):
        said = served.log.read_text(encoding="utf-8").splitlines()
        assert len(said) == 1, said
        assert said[0].startswith("graft: serve: http://127.0.0.1:")
