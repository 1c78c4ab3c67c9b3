"""A connection that ends when its client is too slow, or is one too many.

uvicorn itself waits for a request for as long as it takes to come.
"""

import asyncio
import json
from http import HTTPStatus

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """Closes unless a request has arrived whole, head and body, within ``seconds``, and its answer is taken as soon.

    Of more than ``most`` connections at once the newest is refused.
    """

    seconds: float
    most: int
    arrival: asyncio.TimerHandle | None = None
    departure: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        # So that `pause_writing` tells of any byte that the client does not take.
        transport.set_write_buffer_limits(high=0)
        if len(self.connections) > self.most:
            self.refuse(503, f"{self.most} connections are open, which is as many as may be; try again later")
        else:
            self.arrival = self.loop.call_later(self.seconds, self.give_up)

    def data_received(self, data: bytes) -> None:
        """Take more of a request; wait for the rest no longer than from its beginning on."""
        super().data_received(data)
        state = self.conn.their_state
        arriving = state is h11.SEND_BODY or (state is h11.IDLE and bool(self.conn.trailing_data[0]))
        if not arriving:
            self.arrival = _cancel(self.arrival)
        elif self.arrival is None:
            self.arrival = self.loop.call_later(self.seconds, self.give_up)

    def give_up(self) -> None:
        """Close, with a word where none was said yet."""
        self.refuse(408, f"the request did not arrive within {self.seconds:g} s")

    def pause_writing(self) -> None:
        """Begin to wait for the client to take its answer."""
        super().pause_writing()
        self.departure = self.loop.call_later(self.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that the client has taken it."""
        super().resume_writing()
        self.departure = _cancel(self.departure)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        super().connection_lost(exc)
        self.arrival, self.departure = _cancel(self.arrival), _cancel(self.departure)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self.refuse(400, msg)

    def refuse(self, status: int, line: str) -> None:
        """Answer with an error and close."""
        if not self.transport.is_closing() and self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps({"error": line}).encode()
            headers = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
            reason = HTTPStatus(status).phrase
            response = h11.Response(status_code=status, headers=list(headers.items()), reason=reason)
            for event in (response, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _cancel(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Return what stands in the place of a timer that is off."""
    if timer is not None:
        timer.cancel()
    return None


def connection_class(seconds: float, most: int) -> type[Connection]:
    """Return the class of connections with these bounds; uvicorn makes them itself."""
    return type("BoundedConnection", (Connection,), {"seconds": seconds, "most": most})
