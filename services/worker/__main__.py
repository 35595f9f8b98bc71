"""Runs the worker until SIGTERM or SIGINT, with a small HTTP door for health and metrics."""

import asyncio
import signal
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.worker.house import House
from services.worker.settings import WorkerSettings
from shared.logging import configure_logging
from shared.tracing import configure_tracing


def health_app(house: House) -> FastAPI:
    """Build the worker's only HTTP surface; no person and no client is meant to see it."""
    app = FastAPI(title="worker", openapi_url=None)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz(response: Response) -> dict[str, str | bool]:
        parts = await house.is_ready()
        if not parts["database"]:
            response.status_code = 503
        status = "ready" if all(parts.values()) else "degraded" if parts["database"] else "unready"
        return {"status": status, **parts}

    @app.get("/metrics")
    async def metrics() -> Response:
        await house.look()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


async def run(settings: WorkerSettings) -> None:
    """Run the house's worker side until a signal asks it to stop."""
    house = House(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            health_app(house),
            host=settings.worker_host,
            port=settings.worker_port,
            log_config=None,
            access_log=False,
        )
    )
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    # Served inside our own loop and life, so the server must not take the signals for itself.
    health = asyncio.create_task(server._serve())  # noqa: SLF001 - `serve` would install signal handlers
    waits: set[asyncio.Task[Any]] = {asyncio.create_task(stopping.wait())}
    try:
        start = asyncio.create_task(house.start())
        await asyncio.wait({start, *waits}, return_when=asyncio.FIRST_COMPLETED)
        if start.done():
            start.result()
            waits.add(asyncio.create_task(house.watch()))
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        start.cancel()
    finally:
        for task in waits:
            task.cancel()
        await house.stop()
        server.should_exit = True
        await health


def main() -> None:
    """Enter the process."""
    settings = WorkerSettings()
    configure_logging(level=settings.log_level, as_json=settings.log_json, process="worker")
    configure_tracing("worker", settings.otlp_url)
    uvloop.run(run(settings))


if __name__ == "__main__":
    main()
