"""Headers on their way in and out: what a client may not say to a service, and what concerns one connection only.

The head for the service is built here as bytes, in one pass over the client's headers: this is the hottest loop of the
gateway, and everything that it needs to know about a request it learns in that pass.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import uuid_utils

from services.gateway.problems import HeadersTooLarge
from shared.problems import BadRequest

__all__ = ["ANSWER_DROPPED", "RequestHead", "assemble", "forwarded_lines", "read_head"]

_HEAD_MAX_BYTES: Final = 64 * 1024
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9-]{8,64}")
_IDENTITY_PREFIX: Final = b"x-linli-"
_IDENTITY_PREFIX_LENGTH: Final = len(_IDENTITY_PREFIX)

# RFC 9110 §7.6.1: these speak about one connection only.
_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# Never copied: connection matters, and what the gateway says itself and a client must not.
_REQUEST_HANDLED: Final = _HOP_BY_HOP | {
    b"authorization",
    b"content-length",
    b"expect",
    b"forwarded",
    b"host",
    b"http2-settings",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-prefix",
    b"x-forwarded-proto",
    b"x-forwarded-server",
    b"x-real-ip",
    b"x-request-id",
}
# The server that runs us dates and signs its own answers; the request id is ours to answer.
ANSWER_DROPPED: Final = _HOP_BY_HOP | {b"date", b"server", b"x-request-id"}
_PLAIN_CONNECTION: Final = (b"keep-alive", b"close", b"Keep-Alive", b"Close")


class RequestHead:
    """A client's head, read once.

    Attributes:
        lines: the header lines to forward, as pieces of bytes.
        handled: the headers that are not forwarded, by name.
        is_chunked: the body's length is not known.
        has_body: a body was announced.
        request_id: the client's own if well-formed, else a new one.
    """

    __slots__ = ("handled", "has_body", "is_chunked", "lines", "request_id")

    def __init__(self, lines: list[bytes], handled: dict[bytes, bytes]) -> None:
        self.lines = lines
        self.handled = handled
        self.is_chunked = b"transfer-encoding" in handled
        self.has_body = self.is_chunked or handled.get(b"content-length", b"0") != b"0"
        given = handled.get(b"x-request-id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            self.request_id = given
        else:
            self.request_id = str(uuid_utils.uuid7()).encode()

    @property
    def content_length(self) -> int:
        """The announced length of the body; 0 without one."""
        try:
            return int(self.handled.get(b"content-length", b"0"))
        except ValueError:
            raise BadRequest from None

    def without_named_by_connection(self) -> None:
        """Drop the headers that the Connection header names (RFC 9110 §7.6.1)."""
        named = self.handled.get(b"connection")
        if named is None or named in _PLAIN_CONNECTION:
            return
        names = {name.strip().lower() for name in named.split(b",")}
        kept: list[bytes] = []
        for at in range(0, len(self.lines), 4):
            if self.lines[at] not in names:
                kept += self.lines[at : at + 4]
        self.lines = kept


def read_head(headers: Sequence[tuple[bytes, bytes]]) -> RequestHead:
    """Sort a client's headers into those to forward and those to handle; names are lower case already."""
    lines: list[bytes] = []
    handled: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _REQUEST_HANDLED:
            handled[name] = value
        elif name[:_IDENTITY_PREFIX_LENGTH] != _IDENTITY_PREFIX:
            lines += (name, b": ", value, b"\r\n")
    return RequestHead(lines, handled)


@lru_cache(maxsize=4096)
def forwarded_lines(client: str, scheme: str) -> bytes:
    """Return the lines that tell a service who is at the other end of the gateway."""
    return f"x-forwarded-for: {client}\r\nx-forwarded-proto: {scheme}\r\n".encode()


def assemble(start: Sequence[bytes], lines: Sequence[bytes], end: Sequence[bytes]) -> bytes:
    """Join the head for a service.

    Raises:
        HeadersTooLarge: it would be larger than 64 KiB.
    """
    head = b"".join((*start, *lines, *end))
    if len(head) > _HEAD_MAX_BYTES + len(end[-1]):
        raise HeadersTooLarge
    return head
