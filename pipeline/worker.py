"""``python -m pipeline.worker HOST:PORT``: this node joins the stages of a `dvc repro` that runs on another one.

It asks at HOST:PORT, the head's ``GRAFT_HEAD``, for a stage, compares its code, settings, libraries and the stage's
inputs with the head's, takes part with as many processes as the head has, and asks for the next one. A stage that fails
is told of in one line; `dvc repro` on the head takes it up again, with this node if it is still there. ``--end``, on
the head, sends all workers home.

Exit status: 0 sent home; 1 it does not hold what the head holds, or may not take part; 2 usage; 3 nothing was
heard of the head for ``--patience`` seconds; 128 + its number on a signal.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence

from pipeline.distributed.job import LostNodeError
from pipeline.distributed.member import Job, RefusedError, read_job, take_part
from pipeline.distributed.network import Store, find_store, open_store
from pipeline.distributed.settings import read_address, read_launch
from pipeline.errors import GraftError
from pipeline.interruption import ended_by_signals

PATIENCE = 600.0
GONE = 3


def main(words: Sequence[str] | None = None) -> int:
    """Read the command line, work until there is nothing more to do, return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.worker", description="Join a dvc repro on another node.")
    parser.add_argument("head", nargs="?", default=os.environ.get("GRAFT_HEAD"), help="HOST:PORT; else GRAFT_HEAD")
    parser.add_argument("--patience", type=float, default=PATIENCE, metavar="SECONDS", help="600 without it")
    parser.add_argument("--end", action="store_true", help="on the head: send the workers home")
    options = parser.parse_args(words)
    if not options.head:
        parser.error("name the head, HOST:PORT")
    try:
        with ended_by_signals("worker"):
            host, port = read_address(options.head, "the head")
            return end_workers(host, port) if options.end else work(host, port, options.patience)
    except GraftError as error:
        print(f"graft: worker: {error}", file=sys.stderr)
        return 1


def work(host: str, port: int, patience: float) -> int:
    """Take part in one stage after another that the head at ``host``:``port`` announces; return the exit status.

    Raises GraftError if this node does not hold what the head does.
    """
    print(f"worker: waiting for stages from {host}:{port}", flush=True)
    done, heard = "", time.monotonic()
    while time.monotonic() - heard < patience:
        store = find_store(host, port)
        if store is not None:
            try:
                job = read_job(store)
                if job is None:
                    print("worker: the head has nothing more to do", flush=True)
                    store.add("ended", 1)
                    return 0
                if job.id == done:
                    heard = time.monotonic()  # the head is at work with others; the next stage may want this node
                else:
                    done = job.id
                    heard = _join(store, job, host, port)
            except RuntimeError:  # what torch raises where the head is gone; it may come back
                heard = time.monotonic()
                print(f"graft: worker: the head {host}:{port} went away", file=sys.stderr, flush=True)
        time.sleep(0.5)
    print(f"graft: worker: nothing heard of the head {host}:{port} for {patience:.0f} s (--patience)", file=sys.stderr)
    return GONE


def _join(store: Store, job: Job, host: str, port: int) -> float:
    """Take part in ``job``, tell how it went, return when the head was last heard of."""
    try:
        if take_part(store, job, host, port):
            print(f"{job.title}: done", flush=True)
    except RefusedError as error:
        raise GraftError(f"{job.title}: {error}") from None
    except GraftError as error:
        print(f"graft: worker: {job.title}: {error}", file=sys.stderr, flush=True)
        if isinstance(error, LostNodeError):
            return error.heard
    return time.monotonic()


def end_workers(host: str, port: int) -> int:
    """Tell every worker, as it asks, that there is nothing more; return 0 once all have heard, else 3."""
    store = open_store(host, port)
    store.set("job", json.dumps({"end": True}))
    expected, end = max(1, read_launch().nodes - 1), time.monotonic() + 30
    while (told := store.add("ended", 0)) < expected and time.monotonic() < end:
        time.sleep(0.2)
    print(f"worker: {told} of {expected} sent home", flush=True)
    return 0 if told >= expected else GONE


if __name__ == "__main__":
    sys.exit(main())
