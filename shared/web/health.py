"""Two questions of an orchestrator: is the process alive, and can it serve.

Redis is a disposable pipe: without it every request is still served from PostgreSQL, so its loss is `degraded`, not
unready.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from shared.db import Database
from shared.messaging.bell import Bell

__all__ = ["health_router"]

log = structlog.get_logger()
health_router = APIRouter(tags=["health"], include_in_schema=False)

_CHECK_TIMEOUT_S = 2.0


class Readiness(BaseModel):
    """The state of the service and of each thing it stands on."""

    status: Literal["ready", "degraded", "unready"]
    database: Literal["up", "down"]
    redis: Literal["up", "down"]
    details: dict[str, str] | None = None


@health_router.get("/livez")
async def livez() -> dict[str, str]:
    """Tell that the process runs and its loop turns."""
    return {"status": "alive"}


@health_router.get("/readyz", response_model_exclude_none=True)
async def readyz(request: Request, response: Response) -> Readiness:
    """Tell whether requests can be served, and what a service has put into `app.state.readiness_details`."""
    database: Database = request.app.state.db
    bell: Bell = request.app.state.bell
    database_up, redis_up = await asyncio.gather(_answers(database.ping()), _answers(bell.ping()))
    if not database_up:
        response.status_code = 503
        response.headers["Retry-After"] = "1"
    status: Literal["ready", "degraded", "unready"] = "unready"
    if database_up:
        status = "ready" if redis_up else "degraded"
    return Readiness(
        status=status,
        database="up" if database_up else "down",
        redis="up" if redis_up else "down",
        details=getattr(request.app.state, "readiness_details", None),
    )


async def _answers(check: Coroutine[Any, Any, None]) -> bool:
    try:
        await asyncio.wait_for(check, _CHECK_TIMEOUT_S)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it does not answer
        log.warning("dependency_down", error=repr(error)[:200])
        return False
    return True
