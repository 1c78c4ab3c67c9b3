"""Only the stages that fetch may ask a hub."""

import os
import subprocess
import sys

from tests.text.conftest import ROOT

SAY = """
import datasets, evaluate, huggingface_hub
from pipeline.stages.entry import run

def main():
    print(huggingface_hub.is_offline_mode(), datasets.config.HF_HUB_OFFLINE, evaluate.config.HF_EVALUATE_OFFLINE)

run(main, network=True)
run(main)
"""


def test_libraries_imported_before_the_entry_go_offline_too() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", SAY],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("HF_")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout.splitlines() == ["False False False", "True True True"]
