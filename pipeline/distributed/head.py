"""The head: the node that `dvc repro` runs on. It waits for the others, checks what they hold, runs the stage."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence

from pipeline.distributed.devices import check_devices, rank_environment
from pipeline.distributed.job import run_job
from pipeline.distributed.network import Store, open_store
from pipeline.distributed.ranks import Place, node_name
from pipeline.distributed.settings import Launch, read_launch
from pipeline.errors import GraftError


def launch_stage(stage: str, words: Sequence[str]) -> None:
    """Run ``stage`` with its ``words`` on as many processes as the environment asks for, and wait for them.

    Raises GraftError if they cannot all be had, or one of them ends before its time.
    """
    launch = read_launch()
    check_devices(launch.processes, launch.environment)
    environment = {**launch.environment, **rank_environment(launch)}
    title = "@".join([stage, *words])
    store = open_store(launch.host, launch.port)
    names = [node_name()]
    if launch.nodes > 1:
        names += _gather(store, launch, stage, words, environment)
    place = Place(0, launch.nodes, launch.processes, launch.host, store.port)
    where = f" on {launch.nodes} nodes ({', '.join(names)})" if launch.nodes > 1 else ""
    threads = environment["OMP_NUM_THREADS"]
    print(f"{title}: {launch.world} processes{where}, {threads} thread(s) each", flush=True)
    run_job(store, stage, words, place, environment, names)


def _gather(
    store: Store, launch: Launch, stage: str, words: Sequence[str], environment: Mapping[str, str]
) -> list[str]:
    """Announce the stage, wait for the other nodes; return their names or raise GraftError."""
    from pipeline.distributed.sameness import describe

    title = "@".join([stage, *words])
    job = {"id": uuid.uuid4().hex, "stage": stage, "words": list(words), "nodes": launch.nodes}
    job |= {"processes": launch.processes, "environment": dict(environment), "head": node_name()}
    job |= {"is": describe(title), "seconds": launch.join_seconds}
    store.set("job", json.dumps(job))
    at, end = f"{launch.host}:{launch.port}", time.monotonic() + launch.join_seconds
    print(f"{title}: waiting for {launch.nodes - 1} more node(s) at {at}", flush=True)
    arrived: dict[int, dict] = {}
    while len(arrived) < launch.nodes - 1:
        for node in range(1, launch.nodes):
            if node not in arrived and store.check([f"arrived/{node}"]):
                arrived[node] = json.loads(store.get(f"arrived/{node}"))
                if refused := arrived[node]["refuses"]:
                    store.set("verdict", json.dumps({"go": False}))
                    time.sleep(1.0)  # the others read it before the store goes with this process
                    raise GraftError(f"{arrived[node]['name']} does not join: {refused}")
        if time.monotonic() > end:
            raise GraftError(
                f"{len(arrived)} of {launch.nodes - 1} other node(s) came to {at} within {launch.join_seconds:.0f} s "
                f"(GRAFT_JOIN_SECONDS); start `python -m pipeline.worker {at}` there"
            )
        time.sleep(0.1)
    names = [arrived[node]["name"] for node in range(1, launch.nodes)]
    store.set("verdict", json.dumps({"go": True, "names": [node_name(), *names]}))
    return names
