"""A node that is not the head: it learns of a stage, compares what it holds with the head, and takes part."""

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from pipeline.distributed.devices import check_devices
from pipeline.distributed.job import run_job
from pipeline.distributed.network import Store
from pipeline.distributed.ranks import Place, node_name
from pipeline.distributed.sameness import describe, first_difference
from pipeline.errors import GraftError

# What a head may have run here: these stages, of names as params.yaml allows them.
STAGES = ("pretrain", "finetune", "teach", "round", "transfer", "control")
NAME = re.compile(r"[a-z0-9_-]+")

# Seconds in which a network's file system may not show yet what the head has just written.
LATE = 30.0

# Names of environment variables that a head may set for ranks here.
ALLOWED = re.compile(r"(ACCELERATE|FSDP)_[A-Z0-9_]+|OMP_NUM_THREADS|CUDA_VISIBLE_DEVICES|GRAFT_DEVICE_BATCH")


class RefusedError(GraftError):
    """This node does not hold what the head holds, or may not run what it asks for."""


@dataclass(frozen=True)
class Job:
    """One stage that a head has announced."""

    id: str
    stage: str
    words: list[str]
    nodes: int
    processes: int
    environment: dict[str, str]
    head: str
    held: dict[str, dict[str, str]]
    seconds: float

    @property
    def title(self) -> str:
        """The stage as DVC calls it."""
        return "@".join([self.stage, *self.words])


def read_job(store: Store) -> Job | None:
    """Return what the head announces; None if it says that there is nothing more to come."""
    said: dict[str, Any] = json.loads(store.get("job"))
    if said.get("end"):
        return None
    return Job(held=said.pop("is"), **said)


def take_part(store: Store, job: Job, host: str, port: int) -> bool:
    """Run this node's ranks of ``job``; return whether there was a place for it.

    Raises RefusedError if this node must not, GraftError as ``run_job`` does.
    """
    node = store.add("arrivals", 1)
    if node >= job.nodes:
        return False
    refused, late = _refusal(job), time.monotonic() + LATE
    while refused.startswith("input ") and time.monotonic() < late:
        time.sleep(2.0)
        refused = _refusal(job)
    store.set(f"arrived/{node}", json.dumps({"name": node_name(), "refuses": refused}))
    if refused:
        raise RefusedError(refused)
    end = time.monotonic() + job.seconds
    while not store.check(["verdict"]):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    verdict = json.loads(store.get("verdict"))
    if not verdict["go"]:
        return False
    place = Place(node, job.nodes, job.processes, host, port)
    print(f"{job.title}: {job.processes} of {job.nodes * job.processes} processes here", flush=True)
    run_job(store, job.stage, job.words, place, job.environment, verdict["names"])
    return True


def _refusal(job: Job) -> str:
    """Why this node must not take part, in one line; empty if it may."""
    if job.stage not in STAGES or not all(NAME.fullmatch(word) for word in job.words):
        return f"{job.title!r} is no stage that runs on several nodes"
    if foreign := [name for name in job.environment if not ALLOWED.fullmatch(name)]:
        return f"a head may not set {foreign[0]} here"
    try:
        check_devices(job.processes, job.environment)
        return first_difference(job.held, describe(job.title), job.head)
    except GraftError as error:
        return str(error)
