"""The real server, asked over HTTP: what it says, and what it says is wrong."""

import json
from pathlib import Path

import httpx2
import pytest

from benchmarks.serving import Served
from pipeline.deployment.classifier import Classifier
from tests.serving.conftest import JSON, refused


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


def test_a_page_of_the_web_cannot_pass_for_this_machine(client: httpx2.Client) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "", "[::1"):
        refused(client.get("/models", headers={"Host": host}), 421)
    for host in ("localhost", "LOCALHOST:80", "127.0.0.1:9", "[::1]:8000"):
        assert client.get("/models", headers={"Host": host}).status_code == 200
    response = client.get("/models", headers={"Origin": "https://evil.example"})
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


def test_nothing_of_this_was_written_down(server: Served, hasty: Served) -> None:
    for served in (server, hasty):
        said = served.log.read_text(encoding="utf-8").splitlines()
        assert len(said) == 1, said
        assert said[0].startswith("graft: serve: http://127.0.0.1:")
