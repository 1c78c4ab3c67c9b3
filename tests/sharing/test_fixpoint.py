"""After a whole run nothing is left to do, and no stage wrote anything but its own outputs."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.sharing.slice import Slice

pytestmark = pytest.mark.slow


def test_nothing_reruns(finished: Slice) -> None:
    assert finished.ran("repro") == set()
    assert "up to date" in finished.succeed("status")
    assert finished.git("status", "--porcelain") == ""


def test_no_stage_writes_into_its_dependencies_or_anywhere_but_its_outputs(finished: Slice) -> None:
    lock = YAML(typ="safe").load((finished.folder / "dvc.lock").read_text(encoding="utf-8"))
    visits = {visit.command: visit for visit in finished.visits()}
    assert len(visits) == len(finished.visits()) == len(lock["stages"]) == 18
    for name, stage in lock["stages"].items():
        visit = visits[stage["cmd"].removeprefix("python3 ")]
        outputs, dependencies = ([entry["path"] for entry in stage[kind]] for kind in ("outs", "deps"))
        # What it read was there to be compared: bytes and time of change of every file, before and after.
        assert all(any(within(file, path) for file in visit.before) for path in dependencies), name
        assert visit.changed, name
        assert not [file for file in visit.changed if any(within(file, path) for path in dependencies)], name
        assert not [file for file in visit.changed if not any(within(file, path) for path in outputs)], name


@pytest.mark.long
def test_two_folders_come_to_the_same_lock_byte_for_byte(finished: Slice, python3: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere/project").mkdir(parents=True)
    other = Slice(tmp_path / "elsewhere/project", python3)
    other.finish()
    assert (other.folder / "dvc.lock").read_bytes() == (finished.folder / "dvc.lock").read_bytes()
    outputs = finished.outputs()
    assert len(outputs) > 20
    assert other.outputs() == outputs
    # What lies there is what the lock says.
    assert "up to date" in other.succeed("status")


def within(file: str, path: str) -> bool:
    return file == path or file.startswith(f"{path}/")
