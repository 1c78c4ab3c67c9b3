"""One finished pipeline for all tests of it: whoever changes it leaves it as it was."""

import pytest

from tests.conftest import write_pretrained
from tests.project import Project, small, write_reviews
from tests.warm import Warm


@pytest.fixture(scope="session")
def project(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("whole") / "project"
    folder.mkdir()
    project = Project(folder)
    project.put_first(warm.python3(folder.parent / "bin", first_cold=True))
    write_reviews(folder / "reviews.csv")
    write_pretrained(folder / "models/local/tiny")
    project.edit(small)
    ran = project.repro()
    assert len(ran) == 37, ran
    project.git("add", "-A")
    project.git("commit", "-qm", "run")
    return project
