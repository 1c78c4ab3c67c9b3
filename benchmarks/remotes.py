"""``python -m benchmarks.remotes``: what it takes to share a finished pipeline through each kind of remote.

Builds the tests' tiny pipeline in a temporary folder, starts the servers of ``benchmarks.servers`` on this machine,
pushes outputs and run cache to each, pulls them into a fresh clone and counts the stages that `dvc repro` reruns there.
The times are those of the whole commands, DVC's own start included; the network is this machine's.
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.servers import SERVERS, Storage
from benchmarks.tables import markdown_table, seconds
from pipeline.report.numbers import count
from tests.sharing.slice import Slice
from tests.warm import warm_process

HEADINGS = ("remote", "files pushed", "bytes", "push", "files pulled", "pull", "stages rerun")


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.remotes", description="Push, pull, rerun nothing.")
    parser.add_argument("--remotes", default=",".join(SERVERS), help="%(default)s without it")
    names = parser.parse_args().remotes.split(",")
    if unknown := [name for name in names if name not in SERVERS]:
        sys.exit(f"graft: remotes: --remotes has {unknown[0]!r}; allowed: {', '.join(SERVERS)}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with warm_process(folder / "warm") as warm:
            (folder / "project").mkdir()
            project = Slice(folder / "project", warm.python3(folder / "bin"))
            project.finish()
            lines = [measure(name, project, folder / name) for name in names]
    print(markdown_table(HEADINGS, lines))


def measure(name: str, project: Slice, folder: Path) -> Sequence[str]:
    """One line of the table."""
    author = project.copy(folder / "author")
    with SERVERS[name](folder / "server") as storage:
        publish(author, storage)
        began = time.monotonic()
        pushed = _number(author.succeed("push", "--run-cache"), "files? pushed")
        push_time = time.monotonic() - began
        clone = author.clone(folder / "clone")
        for key, value in storage.secrets.items():
            clone.succeed("remote", "modify", "--local", "storage", key, value)
        began = time.monotonic()
        pulled = _number(clone.succeed("pull", "--run-cache"), "files? fetched")
        pull_time = time.monotonic() - began
        size = sum(storage.objects().values())
        rerun = len(clone.ran("repro"))
    return [name, count(pushed), count(size), seconds(push_time), count(pulled), seconds(pull_time), count(rerun)]


def publish(author: Slice, storage: Storage) -> None:
    """Tell DVC of the remote as docs/sharing.md shows: what is secret stays in .dvc/config.local; commit the rest."""
    author.succeed("remote", "add", "--default", "storage", storage.url)
    for key, value in {"verify": "true", **storage.settings}.items():
        author.succeed("remote", "modify", "storage", key, value)
    for key, value in storage.secrets.items():
        author.succeed("remote", "modify", "--local", "storage", key, value)
    author.git("commit", "-qam", "remote")


def _number(said: str, words: str) -> int:
    found = re.search(rf"(\d+) {words}", said)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    main()
