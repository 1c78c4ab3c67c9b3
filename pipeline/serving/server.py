"""The server as a process: its port, its signals, its end."""

import signal
import socket
import sys
from collections.abc import Mapping
from types import FrameType

import uvicorn

from pipeline.errors import GraftError
from pipeline.serving.app import create_app
from pipeline.serving.connection import connection_class
from pipeline.serving.guard import Guard, is_loopback
from pipeline.serving.limits import Limits
from pipeline.serving.scoring import Model
from pipeline.serving.waiting import WaitingRoom


def end_on_signals() -> None:
    """Have a signal end the process with status 128 and its number; uvicorn first ends what it has begun."""

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    def hang_up(_: int, __: FrameType | None) -> None:
        signal.raise_signal(signal.SIGTERM)

    for number, handler in ((signal.SIGINT, end), (signal.SIGTERM, end), (signal.SIGHUP, hang_up)):
        # `nohup` has a process ignore the terminal's end; it stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def bind(host: str, port: int) -> socket.socket:
    """Take the port; GraftError if that cannot be."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as error:
        raise _unservable(host, port, error) from None
    return taken


def _unservable(host: str, port: int, error: OSError) -> GraftError:
    reason = error.strerror or str(error)
    return GraftError(f"{host}:{port} cannot be served ({reason}); choose another --port or --host")


def serve(taken: socket.socket, host: str, models: Mapping[str, Model], limits: Limits, threads: int) -> None:
    """Answer on ``taken`` until a signal comes; GraftError if another listens there by now."""
    room = WaitingRoom(threads, limits.queue, limits.timeout)
    app = Guard(create_app(models, limits, room), is_loopback(host), limits.max_bytes)
    config = uvicorn.Config(
        app,
        http=connection_class(limits.timeout, limits.connections),
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        # A path may hold what somebody typed: no line a request.
        access_log=False,
        log_config=None,
        log_level="error",
        timeout_graceful_shutdown=int(limits.timeout) + 1,
    )
    port = taken.getsockname()[1]
    where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        taken.listen(config.backlog)
    except OSError as error:
        # Another server may have bound it too, while the models of both were loaded, and listens already.
        room.close()
        raise _unservable(host, port, error) from None
    if not is_loopback(host):
        _say(f"warning: {where} can be reached from other machines, without a password or encryption")
    _say(f"{where} serves {', '.join(models)}; Ctrl-C ends it")
    try:
        uvicorn.Server(config).run(sockets=[taken])
    finally:
        room.close()


def _say(line: str) -> None:
    print(f"graft: serve: {line}", file=sys.stderr, flush=True)
