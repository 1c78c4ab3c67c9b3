"""``pipeline.serve`` as a user starts it: a process of its own on a free port."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import GraftError

COMMAND = (sys.executable, "-m", "pipeline.serve")
START_SECONDS = 60
END_SECONDS = 30


@dataclass(frozen=True)
class Served:
    """A server that answers at ``url``; what it says goes into ``log``."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def serve_exports(log: Path, *words: object, command: Sequence[str] = COMMAND) -> Iterator[Served]:
    """Start ``command`` with ``words`` and a free port; yield once it answers, end it with SIGTERM if it still runs."""
    with (
        log.open("wb") as stream,
        subprocess.Popen([*command, *map(str, words), "--port", "0"], stdout=stream, stderr=stream) as process,
    ):
        try:
            yield Served(_wait_for_url(process, log), process, log)
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise GraftError(f"the server did not end within {END_SECONDS} s of SIGTERM") from None


def _wait_for_url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"(http://\S+) serves", log.read_text(encoding="utf-8"))
        if found:
            return found[1]
        time.sleep(0.02)
    raise GraftError(f"the server did not start: {log.read_text(encoding='utf-8').strip() or 'it said nothing'}")
