"""One kept connection to a service, and the exchange that is running on it.

aiohttp's connector opens the connection (name look-up, happy eyeballs, TLS, limits); from then on the messages are
framed here, by the same llhttp parser that aiohttp and uvicorn use. `ClientSession.request` builds dozens of objects
for a request: bare, it forwarded a third of what nginx forwards to the same upstream, this class more than four fifths.
"""

import asyncio
from typing import Final, cast

import httptools
from aiohttp.connector import Connection

from services.gateway.forwarding.headers import ANSWER_DROPPED

__all__ = ["NotHttp", "Wire", "WireLost"]

_HEAD_MAX_BYTES: Final = 256 * 1024
_BUFFER_MAX_BYTES: Final = 256 * 1024
_FIRST_FINAL_STATUS: Final = 200


class WireLost(Exception):
    """The connection ended in the middle; `received` tells whether any byte of the answer had come."""

    def __init__(self, *, received: bool) -> None:
        super().__init__("the service closed the connection")
        self.received = received


class NotHttp(Exception):
    """The service sent something that is no answer to what was asked."""


class Wire(asyncio.Protocol):
    """One connection; one exchange at a time.

    Attributes:
        status: of the final answer; 0 until its head is complete.
        headers: of the answer, names in lower case, those of the connection removed.
        complete: the whole answer has arrived.
        idle_since: monotonic time of the end of the last exchange; 0 for a new connection.
    """

    __slots__ = (
        "_connection",
        "_error",
        "_has_length",
        "_head_bytes",
        "_head_only",
        "_keep",
        "_loop",
        "_parser",
        "_paused",
        "_pieces",
        "_size",
        "_transport",
        "_waiter",
        "_writable",
        "complete",
        "headers",
        "idle_since",
        "status",
    )

    def __init__(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._transport = cast("asyncio.Transport", connection.transport)
        self._loop = loop
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._paused = False
        self._keep = True
        self.complete = True
        self.idle_since = 0.0
        self._transport.set_protocol(self)

    @property
    def is_reusable(self) -> bool:
        """Whether another exchange may follow on this connection."""
        return self.complete and self._keep and self._error is None

    def send(self, data: bytes, *, head_only: bool = False) -> None:
        """Begin an exchange with the request's head and, if it is small, its body; `head_only` for HEAD."""
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False
        self._pieces: list[bytes] = []
        self._size = 0
        self._head_bytes = 0
        self._head_only = head_only
        self._has_length = False
        self._transport.write(data)

    async def send_more(self, data: bytes) -> None:
        """Send a piece of the request's body, at the pace at which the service reads."""
        if self._error is not None:
            raise self._error
        self._transport.write(data)
        if self._writable is not None:
            await self._writable

    async def answer(self) -> None:
        """Wait until the answer's head is complete.

        Raises:
            WireLost: the connection ended.
            NotHttp: the answer cannot be parsed.
        """
        while not self.status:
            await self._wait()

    async def piece(self) -> bytes:
        """Wait for the next piece of the answer's body; empty at its end. Raises as `answer`."""
        while not self._pieces and not self.complete:
            await self._wait()
        return self.take()

    @property
    def body(self) -> bytes:
        """What has arrived of the body and was not taken."""
        pieces = self._pieces
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def take(self) -> bytes:
        """Take what has arrived of the body."""
        piece = self.body
        self._pieces = []
        self._size = 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return piece

    def fail(self, error: Exception) -> None:
        """End the exchange and the connection; whoever waits gets the error."""
        if self._error is None:
            self._error = error
        for future in (self._waiter, self._writable):
            if future is not None and not future.done():
                future.set_result(None)
        self.close()

    def close(self) -> None:
        """Close the connection at once."""
        self._keep = False
        if not self._transport.is_closing():
            self._transport.abort()
        self._connection.close()

    async def _wait(self) -> None:
        self._raise_failure()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._error is not None and not self.complete:
            raise self._error

    # What the transport tells.

    def data_received(self, data: bytes) -> None:
        """Take bytes from the service."""
        if not self.complete and not self.status:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_MAX_BYTES:
                self.fail(NotHttp("the head does not end"))
                return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(NotHttp(str(error)))
            return
        if self._waiter is not None and self.status and not self._waiter.done():
            self._waiter.set_result(None)
        if self._size > _BUFFER_MAX_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Notice the end: of a body without a length if it is clean, of the exchange otherwise."""
        if not self.complete and self.status and not self._has_length and exc is None and self._error is None:
            self.complete = True
        self.fail(WireLost(received=self.complete or bool(self._head_bytes)))

    def eof_received(self) -> bool:
        """Let the transport close itself."""
        return False

    def pause_writing(self) -> None:
        """Hold the request's body back."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let the request's body go on."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # What the parser tells.

    def on_message_begin(self) -> None:
        """Refuse bytes that nobody asked for: they could become the answer of the next caller."""
        if self.complete:
            message = "an answer without a request"
            raise NotHttp(message)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        name = name.lower()
        if name not in ANSWER_DROPPED:
            self.headers.append((name, value))
            if name == b"content-length":
                self._has_length = True
        elif name == b"transfer-encoding":
            self._has_length = True

    def on_headers_complete(self) -> None:
        """Know the status; interim answers (1xx) are passed over."""
        status = self._parser.get_status_code()
        if status < _FIRST_FINAL_STATUS:
            self.headers = []
            return
        self.status = status
        self._keep = self._parser.should_keep_alive()
        if self._head_only:
            # The parser cannot know that no body follows, so the connection ends with this exchange.
            self._keep = False
            self.complete = True

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if not self._head_only:
            self._pieces.append(body)
            self._size += len(body)

    def on_message_complete(self) -> None:
        """Know the end."""
        if self.status:
            self.complete = True
