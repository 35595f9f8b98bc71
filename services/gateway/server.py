"""uvicorn's HTTP protocol with one addition: an answer that is complete leaves in one piece.

ASGI sends the head and the body of an answer as two messages, and uvicorn writes them one after the other: two system
calls, each of which wakes the other side, and a look at every header by two regular expressions. Headers that come from
another HTTP parser need no second look. So the server offers an ASGI extension, `linli.whole_answer`; an app that does
not know it, and a server that does not offer it, go on with messages, and the bytes on the wire are the same.

    uvicorn --factory services.gateway.app:create --http services.gateway.server:GatewayProtocol
"""

from collections.abc import Callable, Sequence
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

__all__ = ["EXTENSION", "GatewayProtocol", "WholeAnswer"]

EXTENSION: Final = "linli.whole_answer"
_BODILESS: Final = frozenset({204, 304})

# Takes status, headers (names in lower case, free of line breaks) and the whole body; tells whether it sent them.
WholeAnswer = Callable[[int, Sequence[tuple[bytes, bytes]], bytes], bool]


class GatewayProtocol(HttpToolsProtocol):
    """One connection of a client."""

    def on_headers_complete(self) -> None:
        """Offer the extension to the request that begins; its task has not run yet."""
        super().on_headers_complete()
        cycle = self.cycle
        if cycle is not None and cycle.scope is self.scope:
            cycle.scope["extensions"] = {EXTENSION: {"send": _WholeAnswer(cycle)}}


class _WholeAnswer:
    """Sends the answer of one request."""

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    def __call__(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """Send a whole answer at once; False, and nothing sent, when this is one for the ordinary way."""
        cycle = self._cycle
        if cycle.response_started or cycle.disconnected or cycle.flow.write_paused or cycle.access_log:
            return False
        is_head = cycle.scope["method"] == "HEAD"
        pieces = [STATUS_LINE[status]]
        framed = is_head or status in _BODILESS
        for name, value in (*cycle.default_headers, *headers):
            if name == b"connection":
                cycle.keep_alive = False
                continue
            framed = framed or name == b"content-length"
            pieces += (name, b": ", value, b"\r\n")
        if not framed:
            pieces.append(b"content-length: %d\r\n" % len(body))
        if not cycle.keep_alive:
            pieces.append(b"connection: close\r\n")
        pieces += (b"\r\n", b"" if is_head else body)
        cycle.waiting_for_100_continue = False
        cycle.response_started = cycle.response_complete = True
        cycle.transport.write(b"".join(pieces))
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True
