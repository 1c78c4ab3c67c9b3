"""No network, for real: what Python imports first in a process, and every process that it starts.

Two walls. An audit hook, which no Python code can pass or take away, raises on whatever would reach out and so names
it. On Linux a filter in the kernel then refuses sockets of the internet's families to native code too.
"""

from pathlib import Path

SITECUSTOMIZE = """
import ctypes, platform, socket, struct, sys

REACHES_OUT = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind", "socket.getaddrinfo",
               "socket.gethostbyname", "socket.gethostbyaddr", "urllib.Request", "http.client.connect"}

def refuse(event, arguments):
    if event in REACHES_OUT and getattr(arguments[0], "family", None) != getattr(socket, "AF_UNIX", None):
        # urllib3 asks, when it is imported, whether it may bind a socket of IPv6 to this machine.
        if event == "socket.bind" and arguments[1][0] == "::1":
            return
        raise RuntimeError(f"a stage tried to open a connection: {event}")

sys.addaudithook(refuse)

# socket(2) of the families AF_INET (2) and AF_INET6 (10) ends with EACCES: seccomp's filter, in classic BPF.
NUMBER = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}.get(platform.machine())
if sys.platform == "linux" and NUMBER:
    architecture, call = NUMBER
    load, equal, answer = 0x20, 0x15, 0x06
    steps = [(load, 0, 0, 4), (equal, 0, 6, architecture), (load, 0, 0, 0), (equal, 0, 4, call), (load, 0, 0, 16),
             (equal, 1, 0, 2), (equal, 0, 1, 10), (answer, 0, 0, 0x00050000 | 13), (answer, 0, 0, 0x7FFF0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0, "no filter could be set"
"""


def write_wall(folder: Path) -> Path:
    """Write the walls to ``folder``, which PYTHONPATH must begin with."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE, encoding="utf-8")
    return folder
