"""The intake's process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.intake.appeals.routes import router as appeals
from services.intake.attachments.routes import router as attachments
from services.intake.calendar.routes import router as calendar
from services.intake.cases.filing_service import Desk
from services.intake.cases.routes import router as cases
from services.intake.categories.routes import router as categories
from services.intake.claims.routes import router as claims
from services.intake.escalation.routes import router as clocks
from services.intake.handling.routes import router as handling
from services.intake.merging.routes import router as merging
from services.intake.settings import IntakeSettings
from services.intake.supervision.routes import router as supervision
from services.intake.sync.routes import router as sync
from services.intake.verdicts.routes import router as verdicts
from shared.held import held_events_router
from shared.web import create_app

__all__ = ["create"]


@asynccontextmanager
async def _numbering(app: FastAPI) -> AsyncIterator[None]:
    app.state.desk = Desk(app.state.db)
    yield


def create() -> FastAPI:
    """Build the app from the environment; for `uvicorn --factory`."""
    return create_app(
        name="intake",
        settings=IntakeSettings(),
        routers=[
            cases,
            clocks,
            claims,
            verdicts,
            appeals,
            merging,
            supervision,
            sync,
            categories,
            attachments,
            calendar,
            handling,
            held_events_router("intake"),
        ],
        title="Linli intake 诉求受理",
        description="Cases from their first word to the requester's verdict. 诉求从提出到评价的全过程。",
        lifespan_extra=_numbering,
    )
