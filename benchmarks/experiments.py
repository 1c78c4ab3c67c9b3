"""DVC experiments by name: run in a folder of their own, found again, their metrics read."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dvc.api
from dvc.exceptions import DvcException, NotDvcRepoError
from dvc.lock import LockError
from dvc.repo import Repo

from pipeline.errors import GraftError
from pipeline.params import Params

# What decides an experiment's result: the code, the settings, and by its hashes in dvc.lock the data.
DECISIVE = ("pipeline", "dvc.yaml", "dvc.lock", "params.yaml")
PATIENCE_SECONDS = 120


@contextmanager
def settled_workspace() -> Iterator[None]:
    """Keep DVC from changing tracked files; wait while it does.

    To start an experiment DVC stashes the workspace, checks out the last commit and writes the experiment's settings
    into params.yaml, then puts all back. It holds its lock meanwhile; what is read with that lock is the user's own.
    """
    try:
        repository = Repo()
    except NotDvcRepoError:
        raise GraftError(f"{Path.cwd()} is no DVC repository; run from the root of a git clone") from None
    with repository as repo:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                repo.lock.lock()
                break
            except LockError:
                if time.monotonic() > deadline:
                    raise GraftError(
                        f"another DVC command has held {repo.lock.lockfile} for {PATIENCE_SECONDS} s; "
                        "run the same command again once it has ended"
                    ) from None
        try:
            yield
        finally:
            repo.lock.unlock()


def read_decisive() -> dict[str, bytes]:
    """The tracked files that decide a result, as they lie here, by their names; to be read in a settled workspace."""
    names = [name for name in _git("ls-files", "-z", "--", *DECISIVE).split("\0") if name]
    return {name: Path(name).read_bytes() for name in names if Path(name).exists()}


def fingerprint(decisive: Mapping[str, bytes], parts: Iterable[str]) -> str:
    """Eight hexadecimal digits of the files of ``read_decisive`` and of ``parts``."""
    digest = hashlib.sha256(json.dumps(list(parts)).encode())
    for name, content in decisive.items():
        digest.update(name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()[:8]


def check_unchanged(decisive: Mapping[str, bytes]) -> None:
    """Raise GraftError if a file of ``read_decisive`` changed: the next experiment would not be what its name says."""
    with settled_workspace():
        now = read_decisive()
    if changed := sorted(name for name in decisive.keys() | now.keys() if decisive.get(name) != now.get(name)):
        raise GraftError(f"{changed[0]} was edited since this run began; run the same command again to begin with it")


def check_tracked() -> None:
    """Raise GraftError for code that git does not know: an experiment in a folder of its own would lack it."""
    unknown = _git("ls-files", "--others", "--exclude-standard", "--", "pipeline").splitlines()
    if unknown:
        raise GraftError(f"{unknown[0]} is not known to git, so experiments would run without it; `git add` it")


def find_experiments() -> dict[str, str]:
    """Return the commit of every experiment by its name."""
    lines = _git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").splitlines()
    return {reference.rsplit("/", 1)[1]: commit for reference, commit in (line.split() for line in lines)}


def run_experiment(name: str, overrides: Sequence[str], targets: Sequence[str], params: Params) -> None:
    """Run ``dvc exp run --temp`` for ``targets``; raise GraftError if a stage fails."""
    command = [sys.executable, "-m", "dvc", "exp", "run", "--temp", "--name", name]
    command += [word for override in overrides for word in ("--set-param", override)]
    command += [word for path in _ignored_inputs(params) for word in ("--copy-paths", path)]
    # Stages call `python3`, which must be this one; the virtual environment is not in the experiment's folder.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run([*command, *targets], env=environment, stdout=sys.stderr, check=False)
    if done.returncode:
        raise GraftError(
            f"the experiment {name} ended with status {done.returncode}, its reason stands above; "
            "run the same command again once it is mended, and what is finished is kept"
        )


def read_metrics(name: str, commit: str, path: str) -> dict[str, Any]:
    """Read a metrics file of an experiment out of DVC's cache."""
    try:
        metrics: dict[str, Any] = json.loads(dvc.api.read(path, rev=commit))
    except (DvcException, OSError):
        raise GraftError(
            f"{path} of the experiment {name} is no longer in DVC's cache; `dvc exp remove {name}`, then run it again"
        ) from None
    return metrics


def _ignored_inputs(params: Params) -> list[str]:
    """The user's own files below the paths of params.yaml, which git ignores and DVC would leave behind."""
    paths = [params.data.path, params.transfer_set.path, *(model.path for model in params.pretrained.values())]
    here = sorted({path for path in paths if not Path(path).is_absolute() and Path(path).exists()})
    if not here:
        return []
    options = ("--others", "--ignored", "--exclude-standard", "--directory")
    return [path.rstrip("/") for path in _git("ls-files", *options, "-z", "--", *here).split("\0") if path]


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise GraftError(f"git {words[0]}: {done.stderr.strip()}; run from the root of a git clone")
    return done.stdout
