"""What the environment may ask for, and the line for what it may not."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from torch.distributed import TCPStore

from pipeline.distributed.circle import Circle
from pipeline.distributed.devices import check_devices, rank_environment
from pipeline.distributed.member import Job, _refusal
from pipeline.distributed.network import open_store
from pipeline.distributed.sameness import LIBRARIES, first_difference
from pipeline.distributed.settings import Launch, asked, read_launch
from pipeline.errors import GraftError
from pipeline.training import checkpoints
from tests.closure import ROOT


def test_without_a_word_nothing_is_launched() -> None:
    assert not asked({})
    assert not asked({"GRAFT_PROCESSES": "1", "GRAFT_NODES": "1", "GRAFT_LAUNCH": ""})
    assert asked({"GRAFT_PROCESSES": "2"})
    assert read_launch({"GRAFT_PROCESSES": "4"}) == Launch(processes=4)


def test_nodes_and_processes_make_the_world() -> None:
    launch = read_launch({"GRAFT_PROCESSES": "4", "GRAFT_NODES": "2", "GRAFT_HEAD": "10.0.0.1:29600"})
    assert (launch.world, launch.host, launch.port) == (8, "10.0.0.1", 29600)


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"GRAFT_PROCESSES": "none"}, "GRAFT_PROCESSES is 'none': expected a whole number of 1 or more"),
        ({"GRAFT_PROCESSES": "0"}, "GRAFT_PROCESSES is '0': expected a whole number of 1 or more"),
        ({"GRAFT_NODES": "2"}, "GRAFT_NODES=2 needs GRAFT_HEAD=HOST:PORT"),
        ({"GRAFT_NODES": "2", "GRAFT_HEAD": "node1"}, "GRAFT_HEAD is 'node1': expected HOST:PORT"),
        ({"GRAFT_LAUNCH": "none.yaml"}, "GRAFT_LAUNCH names none.yaml, which is missing"),
    ],
)
def test_what_cannot_be_gets_one_line(environment: dict[str, str], line: str) -> None:
    with pytest.raises(GraftError, match="^" + line.replace("(", r"\(")):
        read_launch(environment)


def test_a_config_file_of_accelerate_says_the_same_and_more() -> None:
    launch = read_launch({"GRAFT_LAUNCH": str(ROOT / "docs/launch/fsdp.yaml")})
    assert (launch.processes, launch.nodes) == (2, 1)
    assert launch.environment["ACCELERATE_USE_FSDP"] == "true"
    assert launch.environment["FSDP_VERSION"] == "2"
    assert read_launch({"GRAFT_LAUNCH": str(ROOT / "docs/launch/fsdp.yaml"), "GRAFT_PROCESSES": "8"}).processes == 8


def test_a_config_file_may_not_change_results(tmp_path: Path) -> None:
    file = tmp_path / "launch.yaml"
    file.write_text("distributed_type: MULTI_GPU\nnum_processes: 2\nmixed_precision: bf16\n")
    with pytest.raises(GraftError, match="mixed_precision is 'bf16', which changes results"):
        read_launch({"GRAFT_LAUNCH": str(file)})
    file.write_text("num_processes: 2\n")
    with pytest.raises(GraftError, match="is no config file of Accelerate: A `distributed_type` must be specified"):
        read_launch({"GRAFT_LAUNCH": str(file)})


def test_fsdp_without_a_gpu_is_refused_for_accelerate_would_leave_it_out() -> None:
    with pytest.raises(GraftError, match=r"^FSDP is asked for, which Accelerate has for GPUs alone, but \S+ has none"):
        check_devices(2, {"ACCELERATE_USE_FSDP": "true", "CUDA_VISIBLE_DEVICES": ""})


def test_threads_are_two_at_most_and_what_is_set_wins() -> None:
    assert rank_environment(Launch(processes=1000), {}) == {"OMP_NUM_THREADS": "1"}
    told = {"OMP_NUM_THREADS": "5", "GRAFT_DEVICE_BATCH": "4", "LD_PRELOAD": "x"}
    assert rank_environment(Launch(), told) == {"OMP_NUM_THREADS": "5", "GRAFT_DEVICE_BATCH": "4"}


def test_a_port_that_is_taken_gets_one_line() -> None:
    store = open_store("127.0.0.1", 0)
    with pytest.raises(
        GraftError, match=rf"port {store.port} of 127\.0\.0\.1 cannot be opened: another process uses it"
    ):
        open_store("127.0.0.1", store.port)
    with pytest.raises(GraftError, match=r"GRAFT_HEAD names 192\.0\.2\.1, which is no address of this machine"):
        open_store("192.0.2.1", 29600)


def test_what_differs_first_is_named() -> None:
    head = {"code": {"a.py": "1"}, "setting": {"seed": "13"}, "input": {"data": "ab", "model": "cd"}}
    assert first_difference(head, head, "first") == ""
    assert first_difference(head, {**head, "code": {"a.py": "2"}}, "first").startswith(
        "code a.py is not that of first;"
    )
    gone = {**head, "input": {"data": "ab", "model": "missing"}}
    assert first_difference(head, gone, "first").startswith("input model is missing here;")


@pytest.mark.parametrize(
    ("stage", "word", "variable", "line"),
    [
        ("fetch", "x", "OMP_NUM_THREADS", "'fetch@x' is no stage that runs on several nodes"),
        ("teach", "../x", "OMP_NUM_THREADS", "'teach@../x' is no stage that runs on several nodes"),
        ("teach", "x", "LD_PRELOAD", "a head may not set LD_PRELOAD here"),
    ],
)
def test_a_head_cannot_have_a_worker_run_what_it_likes(stage: str, word: str, variable: str, line: str) -> None:
    assert _refusal(Job("1", stage, [word], 2, 1, {variable: "1"}, "first", {}, 1.0)) == line


def test_nodes_hear_of_one_another_and_notice_silence() -> None:
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    circles = [Circle(store, node, 2, silence=2.0) for node in (0, 1)]
    circles[1].say({"is": "done"})
    wait_until(lambda: circles[0].heard().get(1) == {"is": "done"})
    assert circles[0].silent() == circles[1].silent() == []
    circles[1].leave()
    wait_until(lambda: bool(circles[0].heard()[1].get("left")))
    wait_until(lambda: circles[0].silent() == [1])
    circles[0].leave(seconds=0.1)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_nodes_compare_the_libraries_that_a_checkpoint_depends_on() -> None:
    assert LIBRARIES == checkpoints.LIBRARIES
