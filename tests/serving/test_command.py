"""The command as a user calls it: what it starts with, how it fails and how it ends."""

import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from benchmarks.kills import heeding
from benchmarks.serving import serve_exports
from pipeline.errors import GraftError
from pipeline.serve import main
from pipeline.serving.guard import is_loopback
from pipeline.serving.limits import Limits
from pipeline.serving.scoring import find_exports, load_models
from pipeline.serving.server import bind
from pipeline.serving.server import serve as serve_on
from tests.closure import ROOT

# Runs the command and says at its end which libraries it has loaded.
HEAVY = """
import atexit, runpy, sys
atexit.register(lambda: print("loaded:", [name for name in ("torch", "transformers") if name in sys.modules]))
sys.argv[0] = "serve"
runpy.run_module("pipeline.serve", run_name="__main__")
"""


def serve(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.serve", *map(str, words)]
    return subprocess.run(command, cwd=cwd, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_needs_no_torch_and_ends_with_a_signal(exports: Path, tmp_path: Path, number: signal.Signals) -> None:
    with (
        heeding(signal.SIGINT, signal.SIGHUP),
        serve_exports(tmp_path / "log", exports / "static", command=[sys.executable, "-c", HEAVY]) as served,
        httpx2.Client(base_url=served.url, trust_env=False) as client,
    ):
        assert client.get("/health").json()["models"] == ["static"]
        for path, message in (("/classify", {"texts": ["good"]}), ("/explain", {"text": "good"})):
            assert client.post(path, json=message).status_code == 200
        served.process.send_signal(number)
        assert served.process.wait(10) == 128 + (signal.SIGTERM if number == signal.SIGHUP else number)
    said = served.log.read_text(encoding="utf-8").splitlines()
    assert len(said) == 2, said
    assert "loaded: []" in said


def test_a_port_in_use_gets_one_line(exports: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = serve(exports, "--port", taken.getsockname()[1])
    assert done.returncode == 1
    assert re.fullmatch(r"graft: serve: 127.0.0.1:\d+ cannot be served \(Address .*\); choose .*\n", done.stderr)


def test_a_port_that_another_took_at_the_same_time_gets_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    # Both could bind it, for neither listens until its models are loaded.
    with bind("127.0.0.1", 0) as first, bind("127.0.0.1", first.getsockname()[1]) as second:
        first.listen()
        with pytest.raises(GraftError, match=r"127.0.0.1:\d+ cannot be served \(Address .*\); choose another --port"):
            serve_on(second, "127.0.0.1", {}, Limits(), 1)
    assert capsys.readouterr().err == ""


def test_without_exports_it_says_what_to_do(tmp_path: Path) -> None:
    done = serve(cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "graft: serve: exports is no folder; make the exports with `dvc repro`, or name a folder that holds some\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "70000"], "argument --port: '70000' is no number from 0 to 65535"),
        (["--threads", "0"], "argument --threads: '0' is no number from 1 to 64"),
        (["--timeout", "soon"], "argument --timeout: 'soon' is no number"),
        (["--timeout", "nan"], "argument --timeout: 'nan' is no number"),
        (["--max-texts", "2.5"], "argument --max-texts: '2.5' is no number"),
    ],
)
def test_a_wrong_option_is_refused(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["serve", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_other_machines_are_warned_of(exports: Path, tmp_path: Path) -> None:
    with serve_exports(tmp_path / "log", exports / "static", "--host", "0.0.0.0") as served:
        port = served.url.rsplit(":", 1)[1]
        # By whatever name: the server cannot know them all.
        response = httpx2.get(f"http://127.0.0.1:{port}/health", headers={"Host": "box.example"}, trust_env=False)
        assert response.status_code == 200
    said = served.log.read_text(encoding="utf-8")
    assert "warning: http://0.0.0.0:" in said
    assert "can be reached from other machines" in said


def test_loopback_is_this_machine_alone() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "localhost", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.1", "example.com", "")))


def test_exports_are_found_by_name_students_first(exports: Path) -> None:
    assert list(find_exports([exports])) == ["static", "teacher/tiny"]
    assert list(find_exports([exports / "teacher", exports / "static"])) == ["static", "teacher/tiny"]
    assert list(find_exports([exports / "teacher" / "tiny", exports])) == ["static", "teacher/tiny"]


def test_an_export_that_is_being_written_is_passed_over(exports: Path, tmp_path: Path) -> None:
    shutil.copytree(exports / "static", tmp_path / "static")
    shutil.copytree(exports / "static", tmp_path / ".partial-tiny")
    assert find_exports([tmp_path]) == {"static": tmp_path / "static"}
    shutil.rmtree(tmp_path / "static")
    with pytest.raises(GraftError, match="holds no exported model"):
        find_exports([tmp_path])


def test_two_of_one_name_are_refused(exports: Path, tmp_path: Path) -> None:
    shutil.copytree(exports / "static", tmp_path / "static")
    with pytest.raises(GraftError, match="are both called static; serve one of them"):
        find_exports([exports, tmp_path])


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("model_int8.onnx", None, "has no model_int8.onnx; export it again with `dvc repro`"),
        ("tokenizer.json", None, "has no tokenizer.json"),
        ("model_int8.onnx", b"no graph", "cannot be loaded"),
        ("tokenizer.json", b"{}", "cannot be loaded"),
        ("settings.json", b"{", "cannot be loaded"),
        ("settings.json", b"{}", "cannot be loaded"),
    ],
)
def test_a_broken_export_gets_one_line(
    exports: Path, tmp_path: Path, file: str, content: bytes | None, words: str
) -> None:
    shutil.copytree(exports / "static", tmp_path / "static")
    if content is None:
        (tmp_path / "static" / file).unlink()
    else:
        (tmp_path / "static" / file).write_bytes(content)
    with pytest.raises(GraftError, match=words) as caught:
        load_models(find_exports([tmp_path]), "int8")
    assert str(tmp_path / "static") in str(caught.value)
    assert "\n" not in str(caught.value)
