"""A way out that connects only to public addresses.

A name is resolved once for a connection, every address that it resolves to is judged, and the connection goes to the
very address that was judged: what the name means a moment later changes nothing. The name itself still goes into the
TLS handshake and into `Host`, so certificates are checked as always. Proxies of the environment are not used: they
would resolve again.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpcore
import httpx

from services.matching.endpoints.addresses import is_public

__all__ = ["AddressRefused", "GuardedTransport", "NameUnknown", "Resolve", "system_resolver"]

# Takes a name and a port, returns addresses in the order in which they should be tried; raises OSError.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_ADDRESSES_TRIED_MAX: Final = 3
_KEEPALIVE_S: Final = 15.0
_KEPT_ALIVE_MAX: Final = 100


class AddressRefused(Exception):
    """A name resolves to an address that the house does not send to."""


class NameUnknown(Exception):
    """A name resolves to nothing, or the resolver does not answer."""


def system_resolver(at_once: int) -> Resolve:
    """Return a resolver that asks the system, on threads of its own: a name server that hangs holds nobody else's."""
    threads = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="resolve")

    def ask(host: str, port: int) -> list[str]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    async def resolve(host: str, port: int) -> Sequence[str]:
        return await asyncio.get_running_loop().run_in_executor(threads, ask, host, port)

    return resolve


class _GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to judged addresses only."""

    def __init__(self, resolve: Resolve, *, allows_loopback: bool) -> None:
        self._resolve = resolve
        self._allows_loopback = allows_loopback
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, judge, and connect to what was judged; `timeout` holds for each of the steps."""
        addresses = await self._judged(host, port, timeout)
        failure: Exception | None = None
        for address in addresses[:_ADDRESSES_TRIED_MAX]:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or NameUnknown(host)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)

    async def _judged(self, host: str, port: int, timeout: float | None) -> Sequence[str]:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(host) from error
        except (OSError, UnicodeError) as error:
            raise NameUnknown(host) from error
        # One bad address among good ones is how a name is rebound: then none is used.
        for address in addresses:
            if not is_public(address, allows_loopback=self._allows_loopback):
                raise AddressRefused(address)
        return addresses


class _Body(httpx.AsyncByteStream):
    """The body of an answer, as it comes."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - httpcore types it more loosely than it is
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        """Give the connection back, or close it when the body was not read to its end."""
        await self._stream.aclose()


class GuardedTransport(httpx.AsyncBaseTransport):
    """What an httpx client is given to send webhooks with.

    Args:
        resolve: asked once for each connection.
        allows_loopback: for one's own machine.
        tls: whom to trust; the system's authorities by default.
    """

    def __init__(
        self,
        resolve: Resolve,
        *,
        allows_loopback: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or ssl.create_default_context(),
            # Whoever sends bounds how many there are; nobody should wait here for somebody who hangs.
            max_connections=None,
            max_keepalive_connections=_KEPT_ALIVE_MAX,
            keepalive_expiry=_KEEPALIVE_S,
            network_backend=_GuardedBackend(resolve, allows_loopback=allows_loopback),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; raises httpcore's errors, AddressRefused or NameUnknown. Redirects are the caller's."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        sent = httpcore.Request(
            method=request.method,
            url=url,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        answer = await self._pool.handle_async_request(sent)
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()
