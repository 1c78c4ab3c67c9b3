"""What a user is told of unfinished work that this machine, set up as it is, cannot go on with."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.training.division import DEVICE_BATCH


def left_elsewhere(folder: Path, then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What tells that ``folder`` holds the same work of a machine that was ``then`` what it is not ``now``."""
    names = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    had, has = (", ".join(_worded(name, each.get(name)) for name in names) for each in (then, now))
    line = f"unfinished work made with {had} lies in {folder}; with {has} the result would differ, so it starts anew"
    remedies = [REMEDIES[name](then.get(name)) for name in names if name in REMEDIES]
    return line if len(remedies) < len(names) else f"{line}; to go on with it {' and '.join(remedies)}"


def _worded(name: str, value: Any) -> str:
    if name == "device_batch":
        return f"{DEVICE_BATCH}={value}" if value else f"no {DEVICE_BATCH}"
    if name in UNITS:
        return f"{value} {UNITS[name][value != 1]}"
    return f"{name} {' '.join(map(str, value)) if isinstance(value, list) else value}"


UNITS = {"threads": ("thread", "threads"), "world_size": ("process", "processes")}

# How to set the machine up as it was.
REMEDIES: dict[str, Callable[[Any], str]] = {
    "threads": lambda value: f"set OMP_NUM_THREADS={value}",
    "world_size": lambda value: f"launch {_worded('world_size', value)}",
    "device_batch": lambda value: f"set {DEVICE_BATCH}={value}" if value else f"unset {DEVICE_BATCH}",
}
