"""One finished pipeline for all tests of sharing, and the Python that its stages start fast with."""

from pathlib import Path

import pytest

from tests.sharing.slice import Slice
from tests.warm import Warm


@pytest.fixture(scope="session")
def python3(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return warm.python3(tmp_path_factory.mktemp("warm") / "bin")


@pytest.fixture(scope="session")
def finished(python3: Path, tmp_path_factory: pytest.TempPathFactory) -> Slice:
    """Never changed by a test."""
    folder = tmp_path_factory.mktemp("slice") / "project"
    folder.mkdir()
    project = Slice(folder, python3)
    project.finish()
    return project


@pytest.fixture(scope="module")
def author(finished: Slice, tmp_path_factory: pytest.TempPathFactory) -> Slice:
    """A copy of the finished pipeline, its cache included, for the tests of one module."""
    return finished.copy(tmp_path_factory.mktemp("author") / "project")
