"""The request's body on its way to the service: whole when it is small, in pieces at the service's pace when not."""

from collections.abc import AsyncIterator
from typing import Final

from services.gateway.forwarding.calls import Call
from services.gateway.forwarding.wire import Wire
from services.gateway.problems import BodyTooLarge

__all__ = ["SMALL_BODY_BYTES", "ClientGone", "length_line", "read_small", "send_pieces"]

# Up to here a body is read before the service hears of the request: a slow client then costs the service nothing.
SMALL_BODY_BYTES: Final = 64 * 1024


class ClientGone(Exception):
    """The client left before its body was complete; there is nobody to answer."""


def length_line(call: Call) -> bytes:
    """Return the header line that frames the body as the client framed it."""
    if call.head.is_chunked:
        return b"transfer-encoding: chunked\r\n"
    return b"content-length: %d\r\n" % call.head.content_length


async def read_small(call: Call) -> bytes:
    """Read a body whose announced length is small."""
    pieces: list[bytes] = []
    call.reading = True
    while True:
        message = await call.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        pieces.append(message["body"])
        if not message.get("more_body", False):
            call.reading = False
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def send_pieces(call: Call, wire: Wire, limit_bytes: int) -> None:
    """Send a body piece by piece; whatever goes wrong ends the exchange on the wire.

    The connection to the service is closed before the body is complete when it grows over the limit or the client
    leaves, so that the service can never take a part for the whole.
    """
    chunked = call.head.is_chunked
    try:
        async for piece in _pieces(call, limit_bytes):
            await wire.send_more(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            await wire.send_more(b"0\r\n\r\n")
        call.reading = False
    except Exception as error:  # noqa: BLE001 - told to whoever waits for the answer
        wire.fail(error)


async def _pieces(call: Call, limit_bytes: int) -> AsyncIterator[bytes]:
    """Read a body piece by piece, none of them empty."""
    taken = 0
    more = True
    while more:
        message = await call.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece: bytes = message.get("body", b"")
        taken += len(piece)
        if taken > limit_bytes:
            raise BodyTooLarge(limit_bytes)
        if piece:
            yield piece
        more = message.get("more_body", False)
