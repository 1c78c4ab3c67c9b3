"""Two nodes, here two folders on one machine: a worker joins, refuses, is sent home, and says when it is left alone."""

import json
import socket
import threading
from pathlib import Path

import pytest

from pipeline import worker
from pipeline.distributed.head import launch_stage
from pipeline.distributed.network import open_store
from pipeline.errors import GraftError
from tests.distributed.conftest import Start, write_project


@pytest.fixture
def address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def nodes(address: str) -> dict[str, str]:
    return {"GRAFT_NODES": "2", "GRAFT_HEAD": address, "GRAFT_NODE_NAME": "first"}


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return write_project(tmp_path / "second")


@pytest.mark.slow
def test_a_worker_takes_part_in_stage_after_stage_until_it_is_sent_home(
    project: Path, second: Path, start: Start, address: str, nodes: dict[str, str]
) -> None:
    other = start(second, "pipeline.worker", address, GRAFT_NODE_NAME="second")
    head = start(project, "pipeline.stages.teach", "ends", **nodes)
    said, error = head.communicate(timeout=180)
    assert head.returncode == 0, error
    assert "teach@ends: 2 processes on 2 nodes (first, second), " in said
    assert (project / "ended-0").read_text().startswith("0 of 2, ")
    assert (second / "ended-1").read_text().startswith("1 of 2, ")

    head = start(project, "pipeline.stages.teach", "fails", **nodes)
    line = "rank 1 of 2 on second: the text is not to be had; fetch it; `dvc repro` takes it up again"
    error = head.communicate(timeout=120)[1]
    assert [each for each in error.splitlines() if "graft" in each] == [f"graft: teach@fails: {line}"]
    assert head.returncode == 1
    assert not list(project.glob("*out*"))

    home = start(project, "pipeline.worker", "--end", **nodes)
    assert home.communicate(timeout=60)[0] == "worker: 1 of 1 sent home\n"
    said, error = other.communicate(timeout=60)
    assert other.returncode == 0
    assert [each for each in error.splitlines() if each.startswith("graft")] == [f"graft: worker: teach@fails: {line}"]


@pytest.mark.slow
def test_a_worker_with_another_setting_refuses_and_both_say_so(
    project: Path, second: Path, start: Start, address: str, nodes: dict[str, str]
) -> None:
    (second / "params.yaml").write_text("seed: 14\n")
    other = start(second, "pipeline.worker", address, GRAFT_NODE_NAME="second")
    head = start(project, "pipeline.stages.teach", "ends", **nodes)
    reason = "setting seed is 14 here, 13 on first; give this node what the head has\n"
    assert head.communicate(timeout=120)[1].endswith(f"graft: teach@ends: second does not join: {reason}")
    assert other.communicate(timeout=60)[1] == f"graft: worker: teach@ends: {reason}"
    assert (head.returncode, other.returncode) == (1, 1)


def test_a_head_to_which_nobody_comes_says_where_it_waited(
    project: Path, nodes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    for name, value in {**nodes, "GRAFT_JOIN_SECONDS": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(GraftError, match=rf"^0 of 1 other node\(s\) came to {nodes['GRAFT_HEAD']} within 1 s "):
        launch_stage("teach", ["ends"])


def test_a_worker_without_a_head_ends_with_a_status_of_its_own(address: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert worker.main([address, "--patience", "1"]) == 3
    assert capfd.readouterr().err == f"graft: worker: nothing heard of the head {address} for 1 s (--patience)\n"


def test_a_worker_too_many_waits_as_long_as_the_head_is_there(address: str) -> None:
    host, port = address.split(":")
    store = open_store(host, int(port))
    job = {"id": "long", "stage": "teach", "words": ["ends"], "nodes": 1, "processes": 1}
    store.set("job", json.dumps({**job, "environment": {}, "head": "first", "is": {}, "seconds": 1.0}))
    over = threading.Timer(4.0, store.set, ["job", json.dumps({"end": True})])
    over.start()
    try:
        assert worker.main([address, "--patience", "1"]) == 0
    finally:
        over.join()
