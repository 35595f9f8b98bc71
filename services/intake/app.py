"""The intake's process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.intake.attachments.routes import router as attachments
from services.intake.calendar.routes import router as calendar
from services.intake.cases.numbers import CaseNumbers
from services.intake.cases.routes import router as cases
from services.intake.categories.routes import router as categories
from services.intake.proposals.encoders import mode
from services.intake.proposals.routes import router as proposals
from services.intake.routing.routes import router as routing
from services.intake.settings import IntakeSettings
from shared.held import held_events_router
from shared.web import create_app

__all__ = ["create"]


@asynccontextmanager
async def _prepared(app: FastAPI) -> AsyncIterator[None]:
    app.state.case_numbers = CaseNumbers(app.state.db)
    # An encoder is loaded before the first request: it takes half a second.
    app.state.readiness_details = {"proposals": await asyncio.to_thread(mode)}
    yield


def create() -> FastAPI:
    """Build the app from the environment; for `uvicorn --factory`."""
    return create_app(
        name="intake",
        settings=IntakeSettings(),
        routers=[cases, categories, attachments, calendar, routing, proposals, held_events_router("intake")],
        title="Linli intake 诉求受理",
        description="Cases from their first word to the requester's verdict. 诉求从提出到评价的全过程。",
        lifespan_extra=_prepared,
    )
