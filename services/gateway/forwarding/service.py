"""Forwards one request: bytes in, bytes out, nothing in between changed.

The order of refusals: path, method, token, rate, size, load. A request that is refused has cost no service anything.
"""

import asyncio
from time import monotonic
from typing import Final, Protocol

import structlog
from starlette.types import Receive, Scope, Send

from services.gateway.answers import send_problem
from services.gateway.callers import Caller, Callers
from services.gateway.forwarding.bodies import SMALL_BODY_BYTES, ClientGone, length_line, read_small, send_pieces
from services.gateway.forwarding.calls import Call, Calls
from services.gateway.forwarding.headers import assemble, forwarded_lines, read_head
from services.gateway.forwarding.rules import Route, route_of
from services.gateway.forwarding.upstream import Upstream
from services.gateway.forwarding.wire import NotHttp, Wire, WireLost
from services.gateway.limits import Limits
from services.gateway.problems import (
    BadAnswer,
    BodyTooLarge,
    MethodRefused,
    RequestTimeout,
    UpstreamLost,
    UpstreamTimeout,
)
from services.gateway.server import EXTENSION, WholeAnswer
from services.gateway.settings import GatewaySettings
from shared.problems import Overloaded, Problem, Unauthenticated, accident_problem
from shared.tracing import is_tracing, serving

__all__ = ["Forwarding", "Observer"]

log = structlog.get_logger()

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NOT_MODIFIED: Final = 304
_CLIENT_GONE: Final = 499
_REPEATABLE: Final = frozenset({"GET", "HEAD"})
_REPEATS: Final = 2


class Observer(Protocol):
    """Hears of every request at its end."""

    def __call__(self, call: Call, seconds: float) -> None:
        """Take note of one request."""


class Forwarding:
    """The door itself."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        callers: Callers,
        limits: Limits,
        upstreams: dict[str, Upstream],
        calls: Calls,
        observe: Observer,
    ) -> None:
        self._lasting_s = settings.gateway_total_timeout_s
        self._body_limit = settings.gateway_body_limit_bytes
        self._attachment_limit = settings.gateway_attachment_limit_bytes
        self._table_limit = settings.gateway_table_limit_bytes
        self._callers = callers
        self._limits = limits
        self._upstreams = upstreams
        self._calls = calls
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request to a service; every end of it, good or bad, is answered and counted here."""
        call = Call(scope, receive, send, read_head(scope["headers"]), self._lasting_s)
        self._calls.enter(call)
        try:
            if is_tracing():
                await self._forward_traced(call)
            else:
                await self._forward(call)
        except Problem as problem:
            await self._refuse(call, problem)
        except ClientGone:
            call.status = _CLIENT_GONE
        except asyncio.CancelledError:
            if call.verdict is None:
                raise
            await self._ended_by_clock(call)
        except Exception as error:  # noqa: BLE001 - the last net: no stack trace ever leaves
            await self._refuse(call, accident_problem(error))
        finally:
            self._calls.leave(call)
            self._observe(call, monotonic() - call.started)

    async def _forward_traced(self, call: Call) -> None:
        """Forward as the first span of a trace, or as the next of the client's own."""
        lines = call.head.lines
        at = next((at for at in range(0, len(lines), 4) if lines[at] == b"traceparent"), None)
        given = lines[at + 2].decode("latin-1") if at is not None else None
        request_id = call.head.request_id.decode()
        name = f"{call.scope['method']} {call.scope['path']}"
        with serving(name, given, **{"linli.request_id": request_id}) as inside:
            if at is not None:
                del lines[at : at + 4]
            lines += (b"traceparent", b": ", (inside or "").encode(), b"\r\n")
            await self._forward(call)

    async def _forward(self, call: Call) -> None:
        route = route_of(call.scope["path"])
        if call.scope["method"] not in _METHODS:
            raise MethodRefused(headers={"Allow": ", ".join(sorted(_METHODS))})
        caller = await self._admit(call)
        upstream = self._upstreams[route.service]
        body = await self._small_body(call, route) if call.head.has_body else None
        if upstream.in_flight >= upstream.limit:
            call.upstream = upstream.name
            raise Overloaded
        upstream.in_flight += 1
        call.upstream = upstream.name
        try:
            await self._exchange(call, upstream, self._head_for(call, upstream, caller, body), route)
        finally:
            upstream.in_flight -= 1
            if call.wire is not None:
                upstream.give_back(call.wire)

    async def _admit(self, call: Call) -> Caller:
        """Learn who is calling, and let them in if they are not too fast."""
        client = call.scope["client"]
        address = client[0] if client else ""
        header = call.head.handled.get(b"authorization")
        now = call.started
        if header is None:
            self._limits.take_anonymous(address, now)
            return self._callers.anonymous
        caller = self._callers.known(header, now)
        if caller is None:
            try:
                caller = await self._callers.verify(header, now)
            except Unauthenticated:
                # Guessing tokens is counted like calling without one.
                self._limits.take_anonymous(address, now)
                raise
        self._limits.take_caller(caller.limit_key, now)
        return caller

    def _limit_of(self, route: Route) -> int:
        if route.takes_tables:
            return self._table_limit
        return self._attachment_limit if route.takes_attachments else self._body_limit

    async def _small_body(self, call: Call, route: Route) -> bytes | None:
        """Read the body if it is small; None when it will be streamed."""
        if not call.head.is_chunked:
            limit = self._limit_of(route)
            if call.head.content_length > limit:
                raise BodyTooLarge(limit)
            if call.head.content_length <= SMALL_BODY_BYTES:
                return await read_small(call)
        return None

    def _head_for(self, call: Call, upstream: Upstream, caller: Caller, body: bytes | None) -> bytes:
        scope = call.scope
        head = call.head
        head.without_named_by_connection()
        query = scope["query_string"]
        target = scope["raw_path"] + b"?" + query if query else scope["raw_path"]
        client = scope["client"]
        start = (
            scope["method"].encode(),
            b" ",
            upstream.path_prefix,
            target,
            b" HTTP/1.1\r\n",
            upstream.host_line,
            b"authorization: ",
            self._callers.bearer(caller, upstream.name, call.started),
            b"\r\nx-request-id: ",
            head.request_id,
            b"\r\n",
            forwarded_lines(client[0] if client else "unknown", scope["scheme"]),
            length_line(call) if head.has_body else b"",
        )
        return assemble(start, head.lines, (b"\r\n", body or b""))

    async def _exchange(self, call: Call, upstream: Upstream, request: bytes, route: Route) -> None:
        pump: asyncio.Task[None] | None = None
        try:
            if call.reading:
                wire = call.wire = await upstream.new_wire()
                wire.send(request)
                pump = asyncio.create_task(send_pieces(call, wire, self._limit_of(route)))
                await wire.answer()
            else:
                wire = await self._ask(call, upstream, request)
            await self._relay(call, wire)
        except WireLost as lost:
            raise UpstreamLost from lost
        except NotHttp as error:
            log.warning("bad_answer", upstream=upstream.name, error=str(error))
            raise BadAnswer from error
        finally:
            if pump is not None and not pump.done():
                # Answered before the body was complete: the rest is nobody's, and the connection is spent.
                pump.cancel()
                wire.close()

    async def _ask(self, call: Call, upstream: Upstream, request: bytes) -> Wire:
        """Send a whole request and wait for the answer's head.

        A service may end at any moment, above all while a kept connection is idle. A request that may be repeated and
        saw no byte of an answer is then sent once more, on a new connection.
        """
        repeats = _REPEATS if _may_repeat(call) else 0
        wire = upstream.idle_wire(call.started)
        while True:
            if wire is None:
                wire = await upstream.new_wire()
            call.wire = wire
            wire.send(request, head_only=call.scope["method"] == "HEAD")
            try:
                await wire.answer()
            except WireLost as lost:
                if lost.received or not repeats:
                    raise
                repeats -= 1
                wire = None
            else:
                return wire

    async def _relay(self, call: Call, wire: Wire) -> None:
        send = call.send
        headers = wire.headers
        headers.append((b"x-request-id", call.head.request_id))
        if wire.status == _NOT_MODIFIED:
            # The length that it names is that of a body which does not come, and the server holds us to it.
            headers = [item for item in headers if item[0] != b"content-length"]
        call.status = wire.status
        more = not wire.complete
        if not more and EXTENSION in call.scope.get("extensions", ()):
            send_whole: WholeAnswer = call.scope["extensions"][EXTENSION]["send"]
            if send_whole(wire.status, headers, wire.body):
                return
        await send({"type": "http.response.start", "status": wire.status, "headers": headers})
        if not more:
            await send({"type": "http.response.body", "body": wire.body})
        while more:
            piece = await wire.piece()
            more = not wire.complete
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    async def _refuse(self, call: Call, problem: Problem) -> None:
        if call.status:
            # The answer had begun: an honest end is a torn connection, which the server makes when we just return.
            log.warning("answer_cut", upstream=call.upstream, code=problem.code)
            return
        call.status = problem.status
        linger = None
        if isinstance(problem, BodyTooLarge):
            linger = call.receive
            call.deadline = float("inf")
        await send_problem(call.scope, call.send, problem, call.head.request_id.decode(), linger=linger)

    async def _ended_by_clock(self, call: Call) -> None:
        if call.task is not None:
            call.task.uncancel()
        if call.verdict == "gone":
            call.status = call.status or _CLIENT_GONE
            return
        await self._refuse(call, RequestTimeout() if call.reading else UpstreamTimeout())


def _may_repeat(call: Call) -> bool:
    """Tell whether doing it twice is doing it once: reading, and whatever carries an Idempotency-Key."""
    return call.scope["method"] in _REPEATABLE or b"idempotency-key" in call.head.lines[::4]
