"""Four remotes with real servers: what one clone has made, another has without running anything."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks.remotes import publish
from benchmarks.servers import SERVERS, Storage
from tests.sharing.slice import Clone, Slice

pytestmark = pytest.mark.slow

SECRETS = ".dvc/config.local"
DAMAGED, MISSING = "predictions/static.parquet", "data/prepared/summary.json"


@dataclass(frozen=True)
class Shared:
    """The author's project, what its remote holds, and somebody else's fresh clone."""

    author: Slice
    storage: Storage
    clone: Clone
    pushed: str


# In `make test` one remote of each kind, files and objects; the others differ in their protocol alone.
OFTEN = ("folder", "s3")


def marked(*names: str) -> list[Any]:
    return [pytest.param(name, marks=[] if name in OFTEN else pytest.mark.long) for name in names]


# For what hangs on DVC's own records and not on how the remote is spoken to: one remote will do in `make test`.
ANY = pytest.mark.parametrize(
    "shared",
    [pytest.param(name, marks=[] if name == "folder" else pytest.mark.long) for name in SERVERS],
    indirect=True,
)


@pytest.fixture(scope="module", params=marked(*SERVERS))
def shared(
    request: pytest.FixtureRequest, finished: Slice, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp(request.param)
    author = finished.copy(folder / "author")
    with SERVERS[request.param](folder / "server") as storage:
        publish(author, storage)
        pushed = author.succeed("push", "--run-cache")
        clone = author.clone(folder / "clone")
        for key, value in storage.secrets.items():
            clone.succeed("remote", "modify", "--local", "storage", key, value)
        yield Shared(author, storage, clone, pushed)


def test_everything_is_pushed(shared: Shared) -> None:
    objects = [name for name in shared.storage.objects() if name.startswith("files/md5/")]
    assert {name.removeprefix("files/md5/").replace("/", "") for name in objects} == shared.author.cached()
    assert sum(name.startswith("runs/") for name in shared.storage.objects()) == 18, "a record a stage"
    assert shared.pushed.endswith(f"{len(shared.storage.objects())} files pushed\n")


def test_a_fresh_clone_pulls_and_reruns_nothing(shared: Shared) -> None:
    clone = shared.clone
    clone.succeed("pull", "--run-cache")
    assert clone.ran("repro") == set()
    assert clone.git("status", "--porcelain") == ""
    assert clone.contents() == shared.author.contents()


@ANY
def test_the_run_cache_travels(shared: Shared) -> None:
    lock = shared.clone.folder / "dvc.lock"
    before = lock.read_bytes()
    lock.unlink()
    said = shared.clone.succeed("repro")
    assert said.count("is cached - skipping run, checking out outputs") == 18
    assert "Running stage" not in said
    assert lock.read_bytes() == before


# Which files these are does not depend on where they lie.
@pytest.mark.parametrize("shared", ["folder", pytest.param("s3", marks=pytest.mark.long)], indirect=True)
def test_after_an_edit_only_what_it_needs_is_fetched_and_run(shared: Shared) -> None:
    clone = shared.clone
    clone.forget()
    clone.edit(lambda values: values["rivals"]["tfidf"].update(regularization=[2.0]))
    done = clone.call(sys.executable, "-m", "pipeline.pull")
    assert done.stdout.startswith("Stale: report, rival@tfidf\n"), done.stderr
    assert re.search(r"\b\d+ files fetched", done.stdout)
    assert clone.ran("repro", "--pull", "--allow-missing") == {"rival@tfidf", "report"}
    whole = shared.author.contents()
    fetched = {name for name, content in clone.contents().items() if name in whole and not clone.tracked(name)}
    # What the two stages read, and what they wrote; nothing else came.
    models = ("models/teacher/", "models/students/", "models/controls/", "exports/")
    unread = ("data/prepared/transfer.parquet", "data/prepared/text.json")
    read = (*models, "data/prepared/", "metrics/", "predictions/")
    assert {name for name in fetched if not name.startswith("report/")} == {
        name for name in whole if name.startswith(read) and name not in unread
    }
    clone.git("checkout", "-q", ".")


@ANY
def test_a_damaged_and_a_missing_object_are_named_and_the_rest_arrives(shared: Shared) -> None:
    clone, storage = shared.clone, shared.storage
    hashes = shared.author.outputs()
    damaged, missing = (f"files/md5/{hashes[path][:2]}/{hashes[path][2:]}" for path in (DAMAGED, MISSING))
    whole = storage.read(damaged)
    storage.write(damaged, b"damaged" + whole[7:])
    storage.delete(missing)
    clone.forget()
    done = clone.dvc("pull", "--verbose")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert re.search(rf"corrupted cache file '.*{damaged}'", said), "which object to delete"
    assert "Checkout failed for following targets:" in done.stderr
    assert {DAMAGED, MISSING} <= set(done.stderr.splitlines())
    assert hashes[MISSING] in done.stderr
    whole_project = shared.author.contents()
    assert clone.contents() == {name: whole_project[name] for name in whole_project.keys() - {DAMAGED, MISSING}}
    assert hashes[DAMAGED] not in clone.cached(), "nothing that is damaged stays in the cache"
    # The remedy: DVC pushes what the remote lacks, so what is damaged has to be taken away first.
    if damaged in storage.objects():
        storage.delete(damaged)
    assert shared.author.succeed("push") == "2 files pushed\n"
    assert storage.read(damaged) == whole
    clone.succeed("pull")
    assert clone.ran("repro") == set()
    assert clone.contents() == whole_project


def test_secrets_stay_in_the_local_settings(shared: Shared) -> None:
    for project in (shared.author, shared.clone):
        history = project.git("log", "--all", "--patch")
        files = [path for path in project.folder.rglob("*") if path.is_file() and path.name != "config.local"]
        for secret in shared.storage.secrets.values():
            assert secret in (project.folder / ".dvc/config.local").read_text()
            assert secret not in history
            assert secret not in shared.pushed
            assert not [path for path in files if secret.encode() in path.read_bytes()]


@pytest.mark.parametrize("shared", marked(*(name for name in SERVERS if name != "folder")), indirect=True)
def test_a_wrong_password_is_refused_without_being_repeated(shared: Shared) -> None:
    clone = shared.clone
    local = (clone.folder / ".dvc/config.local").read_text()
    clone.forget()
    key, secret = list(shared.storage.secrets.items())[-1]
    clone.succeed("remote", "modify", "--local", "storage", key, f"wrong-{secret}")
    clone.edit(lambda values: values["report"].update(title="other"))
    done = clone.call(sys.executable, "-m", "pipeline.pull")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("graft: pull: `dvc pull` ended with status")
    assert secret not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    (clone.folder / ".dvc/config.local").write_text(local)
    clone.git("checkout", "-q", ".")
