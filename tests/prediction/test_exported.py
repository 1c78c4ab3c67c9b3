"""An exported folder by itself: without torch, without transformers, and with the same answers."""

import json
import os
import subprocess
import venv
from importlib.metadata import distribution
from pathlib import Path

import pytest

from pipeline.deployment.bundle import NEEDED, write_code
from pipeline.text.policy import Policy
from tests.closure import ROOT
from tests.prediction.conftest import LABELS, predict, run

# Prose of this repository, and lines as they should not be.
NASTY = (
    b"\xef\xbb\xbffirst\r\n\n  \nnul \0 byte\nbroken \xff\xfe byte\n\xed\xa0\x80 half a pair\n"
    b"\xf0\x9f\x8e\xac\nall\rends\x85\n"
)
HEAVY = ("torch", "transformers", "pandas", "huggingface_hub", "pyarrow")


def prose() -> bytes:
    return (
        NASTY + b"".join((ROOT / name).read_bytes() for name in ("README.md", "CONTRIBUTING.md", "LICENSE")) + b"no end"
    )


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, exported: Path) -> Path:
    """Python of a new environment in which nothing but what requirements.txt names is installed, without an index."""
    folder = tmp_path_factory.mktemp("torch-free")
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    wanted = dict(line.split("==") for line in (exported / "requirements.txt").read_text().splitlines())
    assert sorted(wanted) == sorted(NEEDED)
    for name, version in wanted.items():
        found = distribution(name)
        assert found.version == version
        for top in {Path(file).parts[0] for file in found.files or []} - {"..", "__pycache__"}:
            (packages / top).symlink_to(Path(str(found.locate_file(top))))
    return folder / "bin" / "python"


def alone(python: Path, *words: object, stdin: bytes = b"") -> subprocess.CompletedProcess:
    """Run ``python`` of the new environment, which must find nothing of this one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run([python, *map(str, words)], input=stdin, env=kept, capture_output=True)


def test_there_is_neither_torch_nor_transformers(environment: Path) -> None:
    for name in HEAVY:
        done = alone(environment, "-c", f"import {name}")
        assert f"No module named '{name}'" in done.stderr.decode()
    done = alone(environment, "-c", "import numpy, onnxruntime, tokenizers")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("precision", ["int8", "fp32"])
def test_it_answers_byte_for_byte_as_the_whole_project_does(environment: Path, exported: Path, precision: str) -> None:
    small = alone(environment, exported / "predict.py", "--precision", precision, stdin=prose())
    whole = predict(exported, "--precision", precision, stdin=prose())
    assert small.returncode == whole.returncode == 0, small.stderr + whole.stderr
    assert small.stdout == whole.stdout
    answers = [json.loads(line) for line in small.stdout.splitlines()]
    assert len(answers) > 300
    assert {answer.get("label") for answer in answers} == {*LABELS, None}
    assert [answer.get("refused") for answer in answers[:4]] == [None, "empty", "empty", None]
    assert {answer.get("sure") for answer in answers} == {True, False, None}


def test_the_folders_own_command_treats_faults_as_the_other_does(exported: Path, tmp_path: Path) -> None:
    own = exported / "predict.py"
    for words in (["good film", "--threads", "1", "", "\udcff"], ["--chunk", "1", "a"], ["--", "-x"]):
        assert run(own, *words).stdout == predict(exported, *words).stdout != b""
    wide = run(own, stdin="good film".encode("utf-16"))
    assert (wide.returncode, wide.stdout) == (1, b"")
    assert wide.stderr == b"predict: stdin is UTF-16; convert it, as `iconv -f utf-16 -t utf-8` does\n"
    with open("/dev/full", "wb") as full:
        done = run(own, "good", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, b"predict: [Errno 28] No space left on device\n")
    assert run(own, "x", "--threads", "none").returncode == 2
    for file in exported.iterdir():
        if file.name != "model_int8.onnx":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    done = run(tmp_path / "predict.py", "x")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"model_int8.onnx cannot be read" in done.stderr
    assert not (exported / "__pycache__").exists(), "a folder that is used stays as it is"


def test_an_exported_model_is_read_without_what_is_slow_to_import(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\ngood film\n")
    code = f"""
import sys
sys.argv[1:] = [{str(exported)!r}, "--input", {str(tmp_path / "in.csv")!r}, "--output", {str(tmp_path / "out.jsonl")!r}]
from pipeline import predict
try:
    predict.main()
except SystemExit as end:
    print(end.code, *[name for name in {HEAVY!r} if name in sys.modules])
"""
    done = run("-c", code)
    assert done.stdout == b"0\n", done.stdout + done.stderr


def test_a_model_whose_policy_repairs_mojibake_asks_for_ftfy(environment: Path, exported: Path, tmp_path: Path) -> None:
    for file in exported.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    policy = Policy(mojibake=True)
    write_code(tmp_path, policy)
    settings = json.loads((exported / "settings.json").read_text(encoding="utf-8"))
    (tmp_path / "settings.json").write_text(json.dumps({**settings, "text": policy.values()}), encoding="utf-8")
    assert f"ftfy=={distribution('ftfy').version}" in (tmp_path / "requirements.txt").read_text().splitlines()
    done = alone(environment, tmp_path / "predict.py", "cafÃ©")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
    assert b"needs ftfy; `pip install -r requirements.txt` brings it" in done.stderr
    repaired, whole = (json.loads(run(tmp_path / "predict.py", text).stdout) for text in ("cafÃ©", "café"))
    assert repaired.pop("text") == "cafÃ©"
    assert repaired == {name: value for name, value in whole.items() if name != "text"}
