"""One service as seen from the gateway: its kept connections, and how many requests are on their way to it."""

import asyncio
from collections import deque
from time import monotonic
from typing import Final

import aiohttp
from aiohttp import ClientConnectorError, ClientRequest, ClientTimeout
from yarl import URL

from services.gateway.forwarding.wire import Wire
from services.gateway.problems import UpstreamDown, UpstreamTimeout

__all__ = ["Upstream"]

_REFUSED_PAUSE_S: Final = 0.1


class Upstream:
    """A service's connections, the most recently used first, so that the others can grow old and be closed.

    Args:
        name: the service.
        url: where it is.
        keepalive_s: how long an unused connection is kept.
        connect_timeout_s: how long opening one may take.
        limit: how many requests may be on their way at a time.
    """

    def __init__(self, name: str, url: str, *, keepalive_s: float, connect_timeout_s: float, limit: int) -> None:
        self.name = name
        self.url = url
        self.limit = limit
        self.in_flight = 0
        parsed = URL(url)
        self.host_line = f"host: {parsed.raw_authority}\r\n".encode()
        self.path_prefix = parsed.raw_path.rstrip("/").encode()
        self._parsed = parsed
        self._keepalive_s = keepalive_s
        self._timeout = ClientTimeout(connect=connect_timeout_s, sock_connect=connect_timeout_s)
        self._idle: deque[Wire] = deque()

    def start(self) -> None:
        """Make the connector; needs a running loop."""
        self._loop = asyncio.get_running_loop()
        self._connector = aiohttp.TCPConnector(limit=0, loop=self._loop)
        # The connector asks a request only for its address.
        self._address = ClientRequest("GET", self._parsed, loop=self._loop)

    async def stop(self) -> None:
        """Close all connections."""
        while self._idle:
            self._idle.pop().close()
        await self._connector.close()

    def idle_wire(self, now: float) -> Wire | None:
        """Take a kept connection that is still good."""
        while self._idle:
            wire = self._idle.pop()
            if wire.is_reusable and now - wire.idle_since < self._keepalive_s:
                return wire
            wire.close()
        return None

    async def new_wire(self) -> Wire:
        """Open a connection; a refused one is tried once more, since a service may be restarting.

        Raises:
            UpstreamDown: nobody listens there.
            UpstreamTimeout: nobody answers there.
        """
        try:
            return await self._open()
        except ConnectionRefusedError:
            await asyncio.sleep(_REFUSED_PAUSE_S)
        try:
            return await self._open()
        except ConnectionRefusedError:
            raise UpstreamDown from None

    def give_back(self, wire: Wire) -> None:
        """Keep a connection for the next request, or close it when it is not fit for one."""
        if wire.is_reusable:
            wire.idle_since = monotonic()
            self._idle.append(wire)
        else:
            wire.close()

    def close_old(self, now: float) -> None:
        """Close the connections that have not been used for long."""
        while self._idle and now - self._idle[0].idle_since >= self._keepalive_s:
            self._idle.popleft().close()

    async def _open(self) -> Wire:
        try:
            connection = await self._connector.connect(self._address, [], self._timeout)
        except TimeoutError:
            raise UpstreamTimeout from None
        except ClientConnectorError as error:
            if isinstance(error.os_error, ConnectionRefusedError):
                raise error.os_error from None
            raise UpstreamDown from None
        except OSError:
            raise UpstreamDown from None
        return Wire(connection, self._loop)
