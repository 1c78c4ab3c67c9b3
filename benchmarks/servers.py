"""Real storage servers on this machine: a folder, S3 (SeaweedFS), SFTP (asyncssh), WebDAV (wsgidav).

Each ``serve_…`` yields a ``Storage``: how DVC is told of it, and the objects as they lie there.
They listen on 127.0.0.1 only, on ports of their own, and ask for a password that is new each time.
"""

import asyncio
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import asyncssh
import fsspec
from cheroot.wsgi import Server as WSGIServer
from wsgidav.wsgidav_app import WsgiDAVApp

from pipeline.errors import GraftError

HOST = "127.0.0.1"
USER = "graft"
START_SECONDS = 60


@dataclass(frozen=True)
class Storage:
    """A remote as DVC is told of it (``dvc remote modify``), and what lies in it, seen from the server's side."""

    name: str
    url: str
    files: Any = field(repr=False)  # an fsspec file system
    root: str
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def objects(self) -> dict[str, int]:
        """Size of every object by its path below the remote."""
        self.files.invalidate_cache()
        found = self.files.find(self.root, detail=True)
        return {path.removeprefix(self.root).lstrip("/"): entry["size"] for path, entry in found.items()}

    def read(self, name: str) -> bytes:
        """Return the bytes of an object."""
        return bytes(self.files.cat_file(f"{self.root}/{name}"))

    def write(self, name: str, content: bytes) -> None:
        """Put other bytes in the place of an object."""
        if self.files.exists(f"{self.root}/{name}"):
            self.delete(name)
        self.files.pipe_file(f"{self.root}/{name}", content)

    def delete(self, name: str) -> None:
        """Remove an object."""
        self.files.rm_file(f"{self.root}/{name}")


@contextmanager
def serve_folder(folder: Path) -> Iterator[Storage]:
    """No server at all: a folder that several clones reach."""
    yield _local("folder", str(folder), folder)


@contextmanager
def serve_s3(folder: Path) -> Iterator[Storage]:
    """SeaweedFS's S3 gateway over ``folder``, with one bucket."""
    key, secret = secrets.token_hex(10), secrets.token_hex(20)
    command, port = _weed_command(folder)
    folder.mkdir(parents=True, exist_ok=True)
    environment = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "HOME": str(folder)}
    log = folder / "weed.log"
    with (
        log.open("wb") as stream,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=stream, stderr=stream) as process,
    ):
        try:
            endpoint = f"http://{HOST}:{port}"
            files = fsspec.filesystem(
                "s3", key=key, secret=secret, client_kwargs={"endpoint_url": endpoint}, skip_instance_cache=True
            )
            _wait_for_bucket(process, files, log)
            yield Storage(
                name="s3",
                url=f"s3://{USER}/store",
                files=files,
                root=f"{USER}/store",
                settings={"endpointurl": endpoint},
                secrets={"access_key_id": key, "secret_access_key": secret},
            )
        finally:
            process.terminate()


@contextmanager
def serve_sftp(folder: Path) -> Iterator[Storage]:
    """An asyncssh server in a thread of its own; what it shows as ``/store`` lies in ``folder``."""
    password = secrets.token_hex(16)
    (folder / "store").mkdir(parents=True, exist_ok=True)

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password_given: str) -> bool:
            return username == USER and secrets.compare_digest(password_given, password)

    async def serve(ready: Callable[[int], None], stop: asyncio.Event) -> None:
        server = await asyncssh.listen(
            HOST,
            0,
            server_factory=Server,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=bytes(folder)),
        )
        async with server:
            ready(server.get_port())
            await stop.wait()

    with _loop_in_a_thread(serve) as port:
        url = f"ssh://{USER}@{HOST}:{port}/store"
        yield _local("sftp", url, folder / "store", secrets={"password": password})


@contextmanager
def serve_webdav(folder: Path) -> Iterator[Storage]:
    """A wsgidav server in a thread of its own; what it shows as ``/store`` lies in ``folder``."""
    password = secrets.token_hex(16)
    (folder / "store").mkdir(parents=True, exist_ok=True)
    config = {
        "provider_mapping": {"/": str(folder)},
        "simple_dc": {"user_mapping": {"*": {USER: {"password": password}}}},
        "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
        "logging": {"enable": False},
        "verbose": 0,
    }
    server = WSGIServer((HOST, 0), WsgiDAVApp(config))
    server.prepare()
    thread = Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        url = f"webdav://{HOST}:{server.bind_addr[1]}/store"
        yield _local("webdav", url, folder / "store", {"user": USER}, {"password": password})
    finally:
        server.stop()
        thread.join()


SERVERS: Mapping[str, Callable[[Path], AbstractContextManager[Storage]]] = {
    "folder": serve_folder,
    "s3": serve_s3,
    "sftp": serve_sftp,
    "webdav": serve_webdav,
}


def _local(
    name: str,
    url: str,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Storage:
    return Storage(name, url, fsspec.filesystem("file"), str(folder), settings or {}, secrets or {})


def _weed_command(folder: Path) -> tuple[list[str], int]:
    """SeaweedFS with nothing but S3, and the port of it; every port it could open is one that is free now."""
    parts = ("master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "s3", "s3.grpc")
    ports = dict(zip(parts, _free_ports(len(parts)), strict=True))
    command = [str(Path(sys.executable).with_name("weed")), "-logtostderr", "mini", f"-dir={folder}"]
    command += [f"-ip={HOST}", f"-ip.bind={HOST}", f"-bucket={USER}", "-master.telemetry=false"]
    command += ["-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += [f"-s3.localSocket={folder}/s3.sock", f"-filer.localSocket={folder}/filer.sock"]
    for part, port in ports.items():
        service, _, kind = part.partition(".")
        command.append(f"-{service}.port{'.' + kind if kind else ''}={port}")
    return command, ports["s3"]


def _free_ports(number: int) -> list[int]:
    """Ports that nobody listens on, all different."""
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _wait_for_bucket(process: subprocess.Popen[bytes], files: Any, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            files.pipe_file(f"{USER}/ready", b"yes")
            files.rm_file(f"{USER}/ready")
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise GraftError(f"the S3 server did not start within {START_SECONDS} s; {log} says why")


@contextmanager
def _loop_in_a_thread(serve: Callable[[Callable[[int], None], asyncio.Event], Any]) -> Iterator[int]:
    """Run ``serve`` in an event loop of its own and yield the port that it reports."""
    ports: list[int] = []
    started = Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def ready(port: int) -> None:
        ports.append(port)
        started.set()

    thread = Thread(target=loop.run_until_complete, args=(serve(ready, stop),), daemon=True)
    thread.start()
    if not started.wait(START_SECONDS):
        raise GraftError(f"the SFTP server did not start within {START_SECONDS} s")
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
