"""The share of a node that each of its ranks computes on."""

import os
from collections.abc import Mapping

import torch

from pipeline.distributed.ranks import node_name
from pipeline.distributed.settings import Launch
from pipeline.errors import GraftError

# What the other nodes' ranks are told of this one's environment besides: nothing that could start a program.
PASSED_ON = ("OMP_NUM_THREADS", "GRAFT_DEVICE_BATCH")


def rank_environment(launch: Launch, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What ranks are told of this process's environment, and how many threads each computes in.

    That is two, as in any stage, or one where the node has no two cores for each; ``OMP_NUM_THREADS`` wins.
    """
    from pipeline.training.machine import THREADS

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = str(max(1, min(THREADS, cores // launch.processes)))
    return {"OMP_NUM_THREADS": threads} | {name: environ[name] for name in PASSED_ON if environ.get(name)}


def check_devices(processes: int, environment: Mapping[str, str]) -> None:
    """Raise GraftError where this node has GPUs, but not one for each process, or none where only they will do."""
    found = 0 if environment.get("CUDA_VISIBLE_DEVICES") == "" else torch.cuda.device_count()
    if not found and environment.get("ACCELERATE_USE_FSDP") == "true":
        # Accelerate would go on without it.
        raise GraftError(f"FSDP is asked for, which Accelerate has for GPUs alone, but {node_name()} has none to use")
    if 0 < found < processes:
        raise GraftError(
            f"{processes} processes are asked for, but {node_name()} has {found} GPU(s): "
            'ask for as many as that, or set CUDA_VISIBLE_DEVICES="" to use processors'
        )
