"""The intake's process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.intake.attachments.routes import router as attachments
from services.intake.calendar.routes import router as calendar
from services.intake.cases.numbers import CaseNumbers
from services.intake.cases.routes import router as cases
from services.intake.categories.routes import router as categories
from services.intake.contacts.routes import router as contacts
from services.intake.open311.routes import office_router as open311_reports
from services.intake.open311.routes import router as open311
from services.intake.open311.service import no_questions
from services.intake.open311_admin.routes import router as open311_admin
from services.intake.settings import IntakeSettings
from shared.held import held_events_router
from shared.vault import Vault
from shared.web import create_app

__all__ = ["create"]


@asynccontextmanager
async def _numbering(app: FastAPI) -> AsyncIterator[None]:
    app.state.case_numbers = CaseNumbers(app.state.db)
    yield


def create() -> FastAPI:
    """Build the app from the environment; for `uvicorn --factory`."""
    settings = IntakeSettings()
    routers = [cases, categories, attachments, calendar, contacts, open311, open311_reports, open311_admin]
    app = create_app(
        name="intake",
        settings=settings,
        routers=[*routers, held_events_router("intake")],
        title="Linli intake 诉求受理",
        description="Cases from their first word to the requester's verdict. 诉求从提出到评价的全过程。",
        lifespan_extra=_numbering,
    )
    app.state.vault = Vault(settings.field_keys.get_secret_value(), settings.blind_index_key.get_secret_value())
    app.state.open311_questions = no_questions
    return app
