"""Builds a service's app: the same health, metrics, envelope and refusals everywhere, so that a subject brings only
routes.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import orjson
import structlog
from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.orm import configure_mappers

from shared.auth import InternalVerifier, read_public_key
from shared.db import Database
from shared.garbage import keep_what_stays
from shared.logging import configure_logging
from shared.messaging.bell import Bell
from shared.problems import install_problem_handlers
from shared.settings import ServiceSettings
from shared.tracing import configure_tracing
from shared.web.health import health_router
from shared.web.middleware import RequestEnvelope, record_pool_use

__all__ = ["create_app"]

log = structlog.get_logger()

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _going_on(work: Callable[[FastAPI], Awaitable[None]], app: FastAPI) -> AsyncIterator[None]:
    """Let something go on beside requests, until it is done or the app ends."""

    async def run() -> None:
        try:
            await work(app)
        except Exception as error:  # noqa: BLE001 - requests are served without it
            log.error("work_beside_failed", error=repr(error)[:300])

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def create_app(
    *,
    name: str,
    settings: ServiceSettings,
    routers: Sequence[APIRouter],
    title: str,
    description: str,
    lifespan_extra: Lifespan | None = None,
    beside: Callable[[FastAPI], Awaitable[None]] | None = None,
) -> FastAPI:
    """Assemble the app of one service.

    Args:
        name: the service, also its schema, its queue and the audience of its internal tokens.
        settings: its settings.
        routers: one per subject.
        title: shown in the API document.
        description: in Chinese and English, shown in the API document.
        lifespan_extra: whatever else must live as long as the app.
        beside: what nobody has to wait for, begun when the app can serve and ended with it; its failure is logged.
    """
    configure_logging(level=settings.log_level, as_json=settings.log_json, process=name)
    configure_tracing(name, settings.otlp_url)
    bell = Bell(settings.redis_url, name)
    database = Database(
        settings.database_url.get_secret_value(),
        schema=name,
        pool_size=settings.db_pool_size,
        application_name=f"linli-{name}",
        pool_timeout_s=settings.db_pool_timeout_s,
        statement_timeout_ms=settings.statement_timeout_ms,
        on_commit=bell.ring,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(database.close)
            stack.push_async_callback(bell.close)
            if lifespan_extra is not None:
                await stack.enter_async_context(lifespan_extra(app))
            configure_mappers()
            keep_what_stays()
            if beside is not None:
                await stack.enter_async_context(_going_on(beside, app))
            yield

    app = FastAPI(
        title=title,
        description=description,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # Spans and figures are RequestEnvelope's; FastAPI would look for its own with every request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.db = database
    app.state.bell = bell
    app.state.schema = name
    app.state.settings = settings
    app.state.verify_internal = InternalVerifier(read_public_key(settings.internal_public_key), name)
    app.state.cursor_key = settings.cursor_key.get_secret_value().encode()
    install_problem_handlers(app)
    app.add_middleware(
        RequestEnvelope, service=name, max_in_flight=settings.max_in_flight, timeout_s=settings.request_timeout_s
    )
    for router in (health_router, *routers):
        # Not included: that would build every route anew for this app, and ask each of them twice for every request.
        app.router.routes.extend(router.routes)

    document: list[bytes] = []
    being_written = asyncio.Lock()

    def write() -> bytes:
        # Kept as it is sent: the tree of it is ten times as large, and nobody needs it again.
        written = orjson.dumps(app.openapi())
        app.openapi_schema = None
        return written

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        async with being_written:
            if not document:
                # It takes a second, and the gateway asks for it as soon as we are there: requests go on meanwhile.
                document.append(await asyncio.to_thread(write))
        return Response(document[0], media_type="application/json")

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        record_pool_use(name, database)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app
