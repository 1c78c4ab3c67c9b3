"""A hub on 127.0.0.1: the routes that ``snapshot_download`` asks at a pinned commit."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

REVISION = "0123456789abcdef0123456789abcdef01234567"

Repositories = dict[str, dict[str, bytes]]


@contextmanager
def serve(repositories: Repositories) -> Iterator[str]:
    """Serve ``repositories`` (``models/owner/name`` or ``datasets/owner/name`` to files); yield the endpoint.

    ``lab/gated`` and ``lab/broken`` answer as their names say.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_HEAD(self) -> None:
            self._answer()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

        def _answer(self) -> None:
            path = unquote(urlsplit(self.path).path).strip("/")
            if path.startswith("api/models/lab/gated/"):
                return self._refuse(403, "GatedRepo")
            if path.startswith("api/models/lab/broken/"):
                return self._refuse(500, "")
            for name, files in repositories.items():
                plain = name.removeprefix("models/")
                if path == f"api/{name}/tree/{REVISION}":
                    return self._send(json.dumps(tree(files)).encode(), "application/json")
                if path.startswith(f"{plain}/resolve/{REVISION}/"):
                    return self._send(files[path.removeprefix(f"{plain}/resolve/{REVISION}/")])
                if path.startswith(f"api/{name}/"):
                    return self._refuse(404, "RevisionNotFound")
            return self._refuse(404, "RepoNotFound")

        def _send(self, content: bytes, kind: str = "application/octet-stream") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", REVISION)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def _refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def tree(files: dict[str, bytes]) -> list[dict[str, object]]:
    return [
        {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
        for name, content in files.items()
    ]
