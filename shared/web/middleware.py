"""Around every request: its id, its log line, its metrics, and the last net under accidents.

Pure ASGI, because Starlette's BaseHTTPMiddleware costs a task per request.
"""

import asyncio
import re
import time
from functools import lru_cache
from typing import Final

import structlog
from fastapi import Request
from prometheus_client import Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.db import Database
from shared.ids import new_id
from shared.problems import BadRequest, Overloaded, accident_problem, problem_response
from shared.tracing import serving

__all__ = ["RequestEnvelope", "record_pool_use", "request_id_from"]

log = structlog.get_logger()

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")
_TRACEPARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_QUIET: Final = ("/livez", "/readyz", "/metrics")

REQUESTS = Counter("linli_requests_total", "Requests answered.", ["service", "route", "method", "status"])
DURATION = Histogram(
    "linli_request_duration_seconds",
    "Time to the first byte of the answer.",
    ["service", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
POOL = Gauge("linli_db_pool_connections", "Connections of the two pools by use.", ["service", "pool", "use"])


# There are as many as routes have ways to answer; looking one up by its labels costs more than counting.
@lru_cache(maxsize=4096)
def _meters(service: str, route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(service, route, method, str(status)), DURATION.labels(service, route)


def record_pool_use(service: str, database: Database) -> None:
    """Set the gauges of the connection pools; asked for by /metrics."""
    for pool, (busy, idle) in database.pool_use().items():
        POOL.labels(service, pool, "busy").set(busy)
        POOL.labels(service, pool, "idle").set(idle)


class BadCharacter(BadRequest):
    """The address holds U+0000."""

    code = "nul_character"


def request_id_from(value: str | None) -> str:
    """Return the id that came along when it is well-formed, else a new one."""
    return value if value and _REQUEST_ID.fullmatch(value) else str(new_id())


class RequestEnvelope:
    """The outermost layer of a service."""

    def __init__(self, app: ASGIApp, *, service: str, max_in_flight: int, timeout_s: float) -> None:
        self.app = app
        self.service = service
        self.max_in_flight = max_in_flight
        self.timeout_s = timeout_s
        self.in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request inside its envelope; everything that is not HTTP passes through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        request_id = request_id_from(headers.get(b"x-request-id", b"").decode("latin-1"))
        scope["linli.request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        traceparent = headers.get(b"traceparent", b"").decode("latin-1")
        given = traceparent if _TRACEPARENT.fullmatch(traceparent) else None
        with serving(f"{scope['method']} {scope['path']}", given, **{"linli.request_id": request_id}) as inside:
            if inside is not None:
                structlog.contextvars.bind_contextvars(traceparent=inside)
            await self._serve(scope, receive, send, request_id)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started = time.perf_counter()
        status = 0
        is_bounded = False
        deadline = asyncio.timeout(self.timeout_s)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if is_bounded:
                    deadline.reschedule(None)
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
                self._record(scope, status, time.perf_counter() - started)
            await send(message)

        self.in_flight += 1
        try:
            # A queue that nobody bounds only makes everybody late: who comes when it is full hears so at once.
            if self.in_flight > self.max_in_flight and scope["path"] not in _QUIET:
                await problem_response(Request(scope), Overloaded())(scope, receive, send_with_id)
                return
            if b"%00" in scope.get("raw_path", b"") or b"%00" in scope["query_string"]:
                await problem_response(Request(scope), BadCharacter())(scope, receive, send_with_id)
                return
            async with deadline:
                is_bounded = True
                await self.app(scope, receive, send_with_id)
        except Exception as error:  # noqa: BLE001 - the last net: no stack trace ever leaves
            is_bounded = False
            problem = accident_problem(error)
            if status == 0:
                await problem_response(Request(scope), problem)(scope, receive, send_with_id)
        finally:
            self.in_flight -= 1

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"]
        if path in _QUIET:
            return
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        counted, timed = _meters(self.service, route, scope["method"], status)
        counted.inc()
        timed.observe(seconds)
        log.debug("request", method=scope["method"], path=path, status=status, ms=round(seconds * 1000, 2))
