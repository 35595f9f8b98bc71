"""Assembles the gateway as a bare ASGI app: `uvicorn --factory services.gateway.app:create`.

There is no framework in the way of a request. The server should run without its own access log and proxy headers,
unless a trusted proxy stands before it: then `--proxy-headers --forwarded-allow-ips` tell the gateway whom it talks to.
"""

import asyncio
from time import monotonic
from typing import Final

import aiohttp
import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from redis.asyncio import Redis
from starlette.types import Receive, Scope, Send

from services.gateway.answers import send_answer, send_json, send_problem
from services.gateway.callers import Callers, Keys
from services.gateway.catalogue.docs import DOCS_PATHS, send_docs
from services.gateway.catalogue.service import Catalogue
from services.gateway.forwarding.calls import Call, Calls
from services.gateway.forwarding.headers import read_head
from services.gateway.forwarding.service import Forwarding
from services.gateway.forwarding.upstream import Upstream
from services.gateway.health import Health
from services.gateway.limits import Limits, Sharing
from services.gateway.metrics import Meters
from services.gateway.problems import MethodRefused
from services.gateway.settings import UPSTREAMS, GatewaySettings
from shared.auth import read_signing_key
from shared.logging import configure_logging
from shared.tracing import configure_tracing

__all__ = ["Gateway", "create"]

log = structlog.get_logger()

_OWN_PATHS: Final = frozenset({"/", "/livez", "/readyz", "/metrics", "/openapi.json"}) | DOCS_PATHS
_SERVER_ERROR: Final = 500
_TIDY_EVERY_S: Final = 1.0
_REDIS_TIMEOUT_S: Final = 1.0


class Gateway:
    """One gateway process."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        urls = {name: settings.upstream_url(name) for name in UPSTREAMS}
        self.upstreams = {
            name: Upstream(
                name,
                url,
                keepalive_s=settings.gateway_keepalive_s,
                connect_timeout_s=settings.gateway_connect_timeout_s,
                limit=settings.gateway_max_in_flight,
            )
            for name, url in urls.items()
        }
        self.redis = Redis.from_url(
            settings.redis_url, socket_timeout=_REDIS_TIMEOUT_S, socket_connect_timeout=_REDIS_TIMEOUT_S
        )
        self.keys = Keys(urls["directory"], refresh_s=settings.gateway_keys_refresh_s, on_change=self._forget_keys)
        signing_key = read_signing_key(settings.internal_private_key.get_secret_value())
        self.callers = Callers(self.keys, signing_key, tokens_max=settings.gateway_tokens_max)
        self.limits = Limits(settings)
        self.sharing = Sharing(
            self.redis,
            {"caller": self.limits.callers, "address": self.limits.addresses},
            every_s=settings.gateway_limit_sync_ms / 1000,
        )
        self.meters = Meters(
            in_flight=lambda: {name: upstream.in_flight for name, upstream in self.upstreams.items()},
            shared=lambda: self.sharing.is_common,
        )
        self.catalogue = Catalogue(urls, refresh_s=settings.gateway_openapi_refresh_s)
        self.health = Health(urls, ping_redis=self.redis.ping, has_keys=lambda: self.keys.are_known)
        self.calls = Calls()
        self.forward = Forwarding(
            settings,
            callers=self.callers,
            limits=self.limits,
            upstreams=self.upstreams,
            calls=self.calls,
            observe=self._observe,
        )
        quiet_s = {"debug": 0.0, "info": 1 / settings.gateway_log_per_s}.get(settings.log_level, float("inf"))
        self._quiet_s = quiet_s
        self._quiet_until = float("inf") if quiet_s == float("inf") else 0.0
        self._tidying: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        kind = scope["type"]
        if kind == "http":
            if scope["path"] in _OWN_PATHS:
                await self._answer(scope, send)
            else:
                await self.forward(scope, receive, send)
        elif kind == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def start(self) -> None:
        """Open everything that needs a running loop."""
        # Only for the gateway's own questions: keys, documents, health.
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        for upstream in self.upstreams.values():
            upstream.start()
        self.keys.start(self.session)
        self.catalogue.start(self.session)
        self.sharing.start()
        self.calls.start()
        self._tidying = asyncio.create_task(self._tidy_forever())

    async def stop(self) -> None:
        """Close everything, in the opposite order."""
        if self._tidying is not None:
            self._tidying.cancel()
            await asyncio.gather(self._tidying, return_exceptions=True)
        await self.calls.stop()
        await self.sharing.stop()
        await self.catalogue.stop()
        await self.keys.stop()
        for upstream in self.upstreams.values():
            await upstream.stop()
        await self.session.close()
        await self.redis.aclose()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, send: Send) -> None:
        """Answer a path of the gateway's own."""
        path = scope["path"]
        if scope["method"] not in {"GET", "HEAD"}:
            request_id = read_head(scope["headers"]).request_id.decode()
            await send_problem(scope, send, MethodRefused(headers={"Allow": "GET, HEAD"}), request_id)
        elif path == "/":
            await send_answer(send, 307, b"", {"location": "/docs"})
        elif path == "/livez":
            await send_json(send, 200, {"status": "alive"})
        elif path == "/readyz":
            found = await self.health.look(self.session)
            is_up = found["status"] != "unready"
            await send_json(send, 200 if is_up else 503, found, None if is_up else {"retry-after": "1"})
        elif path == "/metrics":
            await send_answer(send, 200, self.meters.exposition(), {"content-type": CONTENT_TYPE_LATEST})
        elif path == "/openapi.json":
            headers = {"content-type": "application/json", "cache-control": "no-cache"}
            await send_answer(send, 200, await self.catalogue.document(), headers)
        else:
            await send_docs(scope, send)

    def _forget_keys(self, kids: frozenset[str]) -> None:
        self.callers.forget_keys(kids)

    def _observe(self, call: Call, seconds: float) -> None:
        """Count a request and, when it failed or its turn has come, log it."""
        status = call.status
        self.meters.count(call.upstream, status, seconds)
        if status >= _SERVER_ERROR:
            log.warning("request", **self._line(call, seconds))
        elif call.started >= self._quiet_until:
            self._quiet_until = call.started + self._quiet_s
            log.info("request", **self._line(call, seconds))

    @staticmethod
    def _line(call: Call, seconds: float) -> dict[str, object]:
        return {
            "request_id": call.head.request_id.decode(),
            "method": call.scope["method"],
            "path": call.scope["path"],
            "status": call.status,
            "upstream": call.upstream,
            "ms": round(seconds * 1000, 2),
        }

    async def _tidy_forever(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_EVERY_S)
            for upstream in self.upstreams.values():
                upstream.close_old(monotonic())


def create() -> Gateway:
    """Build the gateway from its environment."""
    settings = GatewaySettings()
    configure_logging(level=settings.log_level, as_json=settings.log_json, process="gateway")
    configure_tracing("gateway", settings.otlp_url)
    return Gateway(settings)
