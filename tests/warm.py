"""A `python3` that starts stages, and DVC, in a fork of a process which has the heavy libraries loaded.

That saves the seconds that a stage spends on importing them. Only libraries are loaded beforehand: each stage imports
``pipeline`` from the folder it runs in, as with any other Python. In ``tests/whole`` the first run of every stage is a
process of its own, as a user's is.
"""

import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

HEAVY = (
    "dvc.cli.parser",
    "dvc.dvcfile",
    "dvc.parsing",
    "dvc.repo.experiments",
    "dvc.repo.index",
    "dvc.stage.loader",
    "datasets",
    "evaluate",
    "matplotlib.figure",
    "matplotlib.backends.backend_svg",
    "onnxruntime.quantization",
    "onnxscript",
    "pandas",
    "pydantic",
    "pyarrow.parquet",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.feature_extraction.text",
    "torch.utils.data",
    "transformers.conversion_mapping",
    "transformers.integrations.flash_attention",
    "transformers.models.auto.modeling_auto",
    "transformers.models.bert.modeling_bert",
    "transformers.modeling_rope_utils",
    "transformers.trainer",
)
CLIENT = """#!{python} -IS
import array, json, os, socket, sys
if sys.argv[1] != "-m":
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
if {cold!r} and sys.argv[2] != "dvc":
    try:
        os.close(os.open(os.path.join({cold!r}, sys.argv[2]), os.O_CREAT | os.O_EXCL))
        os.execv({python!r}, [{python!r}, *sys.argv[1:]])
    except FileExistsError:
        pass
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({path!r})
    request = json.dumps([os.getcwd(), dict(os.environ), sys.argv[2:]]).encode()
    socket.send_fds(connection, [len(request).to_bytes(4, "big")], [0, 1, 2])
    connection.sendall(request)
    answer = connection.recv(1)
sys.exit(answer[0] if answer else 137)
"""


@dataclass(frozen=True)
class Warm:
    """A process that has the libraries loaded and listens at ``address``."""

    address: str

    def python3(self, folder: Path, first_cold: bool = False) -> Path:
        """Write a ``python3`` that asks it; return ``folder``, for PATH. ``first_cold``: each module once without."""
        folder.mkdir(parents=True)
        cold = folder / "cold"
        if first_cold:
            cold.mkdir()
        client = folder / "python3"
        text = CLIENT.format(python=sys.executable, path=self.address, cold=str(cold) if first_cold else "")
        client.write_text(text, encoding="utf-8")
        client.chmod(0o755)
        return folder


@contextmanager
def warm_process(folder: Path) -> Iterator[Warm]:
    """Start such a process, with its socket in ``folder``; it ends with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    warm = Warm(str(folder / "socket"))
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.warm", warm.address]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[1], env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            yield warm
        finally:
            server.kill()


def serve(address: str) -> None:
    """Load the libraries, then run every request in a fork."""
    for name in HEAVY:
        import_module(name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    listener.close()
                    status = _answer(connection)
                    connection.sendall(bytes([status]))
                    os._exit(0)


def _answer(connection: socket.socket) -> int:
    """Become the caller (streams, folder, environment), run the module it names, return the exit status."""
    length, streams, _, _ = socket.recv_fds(connection, 4, 3)
    folder, environment, words = json.loads(_receive(connection, int.from_bytes(length, "big")))
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = folder
    sys.argv = words
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def _receive(connection: socket.socket, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        parts.append(connection.recv(size))
        size -= len(parts[-1])
    return b"".join(parts)


if __name__ == "__main__":
    serve(sys.argv[1])
