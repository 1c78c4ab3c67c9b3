"""A config file of Accelerate, as `accelerate config` writes it, read the way `accelerate launch` reads it.

Its launcher itself is not used: with ``use_cpu`` it starts one process, whatever ``num_processes`` says.
"""

import os
from pathlib import Path

from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils.launch import prepare_multi_gpu_env

from pipeline.distributed.settings import Launch
from pipeline.errors import GraftError

# What Accelerate, FSDP among it, is told in the environment.
PREFIXES = ("ACCELERATE_", "FSDP_")


def read_accelerate_file(path: Path) -> Launch:
    """Return what ``path`` asks for; raise GraftError where it is no such file or asks what params.yaml decides."""
    if not path.is_file():
        raise GraftError(
            f"GRAFT_LAUNCH names {path}, which is missing; `accelerate config --config_file {path}` writes one"
        )
    try:
        parsed = launch_command_parser().parse_args(["--config_file", str(path), "-m", "pipeline"])
        options, _, _ = _validate_launch_command(parsed)
        host, port = options.main_process_ip or Launch.host, options.main_process_port or Launch.port
        # The port is ours to open; asked for any, Accelerate looks for none that is taken.
        options.main_process_port = 0
        environment = prepare_multi_gpu_env(options)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise GraftError(f"{path} is no config file of Accelerate: {str(error).splitlines()[0]}") from None
    if environment["ACCELERATE_MIXED_PRECISION"] != "no":
        raise GraftError(
            f"{path}: mixed_precision is {options.mixed_precision!r}, which changes results: "
            "write no here and set precision in params.yaml"
        )
    processes, nodes = options.num_processes, options.num_machines or 1
    if not processes or processes < 1 or processes % nodes:
        raise GraftError(f"{path}: num_processes {processes} cannot be divided among num_machines {nodes}")
    told = {name: value for name, value in environment.items() if name.startswith(PREFIXES)}
    told = {name: value for name, value in told.items() if os.environ.get(name) != value}
    if options.use_cpu:
        told |= {"ACCELERATE_USE_CPU": "true", "CUDA_VISIBLE_DEVICES": ""}
    elif options.gpu_ids not in (None, "all"):
        told["CUDA_VISIBLE_DEVICES"] = str(options.gpu_ids)
    return Launch(processes // nodes, nodes, host, int(port), environment=told)
