"""Lint, format and types, so that `make test` holds all that `make check` does."""

import subprocess
import sys

import pytest

from tests.closure import ROOT


@pytest.mark.parametrize("command", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]])
def test_the_checkers_find_nothing(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_index_and_no_local_build_is_pinned() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    lines = [line for line in lock.splitlines() if line]
    assert all(line.count("==") == 1 and "://" not in line and "+" not in line for line in lines), lines
