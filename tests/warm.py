"""A `python3` that starts stages in a fork of a process which has the heavy libraries loaded.

That saves the seconds that a stage spends on importing them. Only libraries are loaded beforehand: each stage imports
``pipeline`` from the folder it runs in, as with any other Python. ``tests/test_repro.py`` runs without it.
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
from importlib import import_module
from pathlib import Path

HEAVY = (
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
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({path!r})
    request = json.dumps([os.getcwd(), dict(os.environ), sys.argv[2:]]).encode()
    socket.send_fds(connection, [len(request).to_bytes(4, "big")], [0, 1, 2])
    connection.sendall(request)
    answer = connection.recv(1)
sys.exit(answer[0] if answer else 137)
"""


@contextmanager
def warm_python(folder: Path) -> Iterator[Path]:
    """Yield a folder for PATH that holds such a `python3`; the process it asks ends with the block."""
    folder.mkdir(parents=True)
    address = str(folder / "socket")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.warm", address]
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[1], env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            client = folder / "python3"
            client.write_text(CLIENT.format(python=sys.executable, path=address), encoding="utf-8")
            client.chmod(0o755)
            yield folder
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
