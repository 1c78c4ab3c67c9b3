"""A full disk gives one line that says what and what to do, whichever library was writing, and leaves nothing."""

import errno
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from safetensors.torch import save_file

from pipeline.artifacts import join_arrays, publish, write_array, write_csv, write_json, write_parquet, write_text
from pipeline.disk import naming_a_full_disk, reason_of
from pipeline.errors import GraftError
from pipeline.tokens.table import TokenTable, write_tokens
from tests.closure import ROOT
from tests.conftest import build_tokenizer

VALUES = np.random.default_rng(0).normal(size=(200_000, 1)).astype(np.float32)


def in_torch(target: Path) -> None:
    with publish(target) as partial:
        torch.save({"weights": torch.from_numpy(VALUES)}, partial)


def in_safetensors(target: Path) -> None:
    with publish(target) as partial:
        save_file({"weights": torch.from_numpy(VALUES)}, partial)


def in_tokenizers(target: Path) -> None:
    tokenizer = build_tokenizer()
    tokenizer.add_tokens([f"word{number}" for number in range(6000)])
    with publish(target) as partial:
        tokenizer.save_pretrained(str(partial))


def in_join(target: Path) -> None:
    np.save(target.with_name("part.npy"), VALUES[:50_000])
    join_arrays(target, [target.with_name("part.npy")] * 4)


def in_arrow(target: Path) -> None:
    ids = pa.array([str(number) for number in range(20_000)])
    write_tokens(target, TokenTable(ids, np.zeros(200_000, np.int32), np.arange(0, 200_001, 10)))


WRITERS: list[Callable[[Path], None]] = [
    lambda target: write_text(target, "a" * 800_000),
    lambda target: write_json(target, {"a": ["b"] * 100_000}),
    lambda target: write_parquet(target, pd.DataFrame({"a": VALUES[:, 0]})),
    lambda target: write_csv(target, pd.DataFrame({"a": VALUES[:, 0]})),
    lambda target: write_array(target, VALUES),
    in_join,
    in_arrow,
    in_torch,
    in_safetensors,
    in_tokenizers,
]


@pytest.fixture
def little_space(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files of at most 300 kB for this process, which the system refuses as it does on a full disk."""
    # Python 3.11 does not notice that it wrote bytecode in part only.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN, "Python turns it into an OSError"
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("little_space")
@pytest.mark.parametrize("write", WRITERS)
def test_whatever_writes_it_gets_one_line_and_nothing_is_left(write: Callable[[Path], None], tmp_path: Path) -> None:
    target = tmp_path / "deep" / "artifact"
    target.parent.mkdir()
    with pytest.raises(GraftError) as caught:
        write(target)
    assert str(caught.value).startswith(f"{target} could not be written whole: file too large; make room there")
    assert [path.name for path in target.parent.iterdir() if path.name != "part.npy"] == []


def test_what_was_there_stays_if_the_new_one_has_no_room(tmp_path: Path, little_space: None) -> None:
    write_text(tmp_path / "a", "old")
    with pytest.raises(GraftError):
        write_text(tmp_path / "a", "n" * 800_000)
    assert (tmp_path / "a").read_text() == "old"


def test_other_faults_stay_what_they_are(tmp_path: Path) -> None:
    for fault in (ValueError("shape"), RuntimeError("size mismatch"), PermissionError(errno.EACCES, "denied")):
        with pytest.raises(type(fault)) as caught, naming_a_full_disk(tmp_path / "a"):
            raise fault
        assert caught.value is fault
        assert reason_of(fault) is None
    assert list(tmp_path.iterdir()) == []


STAGE = """
import resource, sys, types
# The real one imports torch, which takes longer than the test.
sys.modules["pipeline.validation"] = types.SimpleNamespace(validate_file=lambda: None)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
sys.argv = ["{root}/pipeline/stages/prepare.py"]
from pipeline.stages.entry import run
def main() -> None:
    with open("outside", "w") as stream:
        stream.write("a" * 2000)
run(main)
"""


def test_a_stage_that_writes_elsewhere_ends_with_one_line_too(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    command = [sys.executable, "-c", STAGE.format(root=ROOT)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("graft: prepare: ")
    assert "could not be written whole: file too large; make room there and run `dvc repro` again" in done.stderr
    assert len(done.stderr.splitlines()) == 1
