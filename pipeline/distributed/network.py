"""Where nodes meet: torch's own TCPStore at the head, and the network that leads there."""

import socket
from datetime import timedelta
from typing import TypeAlias

import psutil
from torch.distributed import DistNetworkError, TCPStore  # type: ignore[attr-defined]

from pipeline.errors import GraftError

Store: TypeAlias = TCPStore

# Seconds that one question to the store may take.
ANSWER = 30.0


def open_store(host: str, port: int) -> Store:
    """Open the store at ``host``:``port`` (0: a free one) of this machine; GraftError where that cannot be."""
    if port and own_address(host) != _resolve(host):
        raise GraftError(
            f"GRAFT_HEAD names {host}, which is no address of this machine; name one that the others reach"
        )
    try:
        return TCPStore(host, port, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=ANSWER))
    except DistNetworkError as error:
        reason = "another process uses it" if "EADDRINUSE" in str(error) else str(error).splitlines()[0]
        raise GraftError(f"port {port} of {host} cannot be opened: {reason}; name another in GRAFT_HEAD") from None


def find_store(host: str, port: int, seconds: float = 2.0) -> Store | None:
    """Return the store at ``host``:``port``, or None if nobody answers there within ``seconds``."""
    try:
        # Asked first, for TCPStore would log at length that there is none.
        socket.create_connection((host, port), timeout=seconds).close()
        return TCPStore(host, port, is_master=False, wait_for_workers=False, timeout=timedelta(seconds=ANSWER))
    except (OSError, DistNetworkError):
        return None


def own_address(host: str) -> str:
    """The address of this machine from which it reaches ``host``; empty if it does not."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as asking:
            asking.connect(place)  # sends nothing
            return str(asking.getsockname()[0])
    except OSError:
        return ""


def interface_to(host: str) -> str | None:
    """The network interface through which this machine reaches ``host``."""
    address = own_address(host)
    for name, places in psutil.net_if_addrs().items():
        if address in [place.address.partition("%")[0] for place in places]:
            return str(name)
    return None


def _resolve(host: str) -> str:
    try:
        return str(socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0][4][0])
    except OSError:
        raise GraftError(f"GRAFT_HEAD names {host}, which no address is known of") from None
