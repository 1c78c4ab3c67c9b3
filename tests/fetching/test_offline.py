"""Only the stages that fetch may ask a hub."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.offline import write_wall
from tests.text.conftest import ROOT

SAY = """
import datasets, evaluate, huggingface_hub
from pipeline.stages.entry import run

def main():
    print(huggingface_hub.is_offline_mode(), datasets.config.HF_HUB_OFFLINE, evaluate.config.HF_EVALUATE_OFFLINE)

run(main, network=True)
run(main)
"""


def test_libraries_imported_before_the_entry_go_offline_too() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", SAY],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("HF_")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout.splitlines() == ["False False False", "True True True"]


ATTEMPTS = {
    "socket": "import socket; socket.create_connection(('127.0.0.1', 9))",
    "datagram": "import socket; socket.socket(socket.AF_UNIX, 2); socket.socket(2, 2).sendto(b'', ('127.0.0.1', 9))",
    "name": "import socket; socket.gethostbyname('localhost')",
    "url": "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
    "hub": "import huggingface_hub; huggingface_hub.HfApi().model_info('a/b')",
    "another process": "import subprocess; subprocess.run(['bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/9'], check=True)",
    "native code": "import ctypes; assert ctypes.CDLL(None).socket(10, 1, 0) > 0",
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_wall_that_the_pipeline_is_tested_behind_holds(tmp_path: Path, attempt: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    environment["PYTHONPATH"] = str(write_wall(tmp_path / "wall"))
    done = subprocess.run([sys.executable, "-c", ATTEMPTS[attempt]], env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    walls = ("a stage tried to open a connection", "Permission denied", "AssertionError")
    assert any(wall in done.stderr for wall in walls), done.stderr
