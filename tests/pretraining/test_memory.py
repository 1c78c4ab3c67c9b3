"""Blocks of changing sizes, such as the scores of a batch, do not pile up on the heap."""

import subprocess
import sys

from pipeline.pretraining.memory import return_freed_blocks
from tests.closure import ROOT

SCRIPT = """
import sys
import numpy as np, torch
from pipeline.pretraining.memory import return_freed_blocks
if sys.argv[1] == "given back":
    assert return_freed_blocks()
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
random = np.random.default_rng(0)
kept, start = [], resident()
for step in range(60):
    blocks = [torch.ones(int(size)) for size in random.integers(2_500_000, 3_500_000, 4)]
    kept.append(torch.ones(20_000))
    del blocks
print(resident() - start)
"""


def growth(way: str) -> float:
    command = [sys.executable, "-c", SCRIPT, way]
    return float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def test_they_are_given_back() -> None:
    if sys.platform.startswith("linux"):
        assert growth("given back") < 20
    else:
        assert not return_freed_blocks()
