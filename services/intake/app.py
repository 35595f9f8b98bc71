"""The intake's process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.intake.anonymous.routes import router as anonymous
from services.intake.appeals.routes import router as appeals
from services.intake.attachments.routes import router as attachments
from services.intake.attachments.scanners import ClamdScanner
from services.intake.attachments.settings import ScanningSettings
from services.intake.calendar.routes import router as calendar
from services.intake.case_answers.routes import router as case_answers
from services.intake.cases.filing_service import Desk
from services.intake.cases.routes import router as cases
from services.intake.categories.routes import router as categories
from services.intake.claims.routes import router as claims
from services.intake.contacts.routes import router as contacts
from services.intake.drafts.routes import router as drafts
from services.intake.escalation.routes import router as clocks
from services.intake.facts.routes import router as facts
from services.intake.forms.routes import router as forms
from services.intake.forms.service import asked_by
from services.intake.handling.routes import router as handling
from services.intake.hazards.routes import router as hazards
from services.intake.imports.routes import router as imports
from services.intake.inspections.routes import router as inspections
from services.intake.mediation.agreement_routes import router as mediated_agreements
from services.intake.mediation.routes import router as mediation
from services.intake.merging.routes import router as merging
from services.intake.notifications.routes import router as notifications
from services.intake.on_behalf.routes import router as on_behalf
from services.intake.open311.routes import office_router as open311_reports
from services.intake.open311.routes import router as open311
from services.intake.open311_admin.routes import router as open311_admin
from services.intake.proposals.routes import router as proposals
from services.intake.routing.routes import router as routing
from services.intake.settings import IntakeSettings
from services.intake.spotchecks.routes import router as spot_checks
from services.intake.suggestions.routes import router as suggestions
from services.intake.supervision.routes import router as supervision
from services.intake.sync.routes import router as sync
from services.intake.verdicts.routes import router as verdicts
from services.intake.visit_coverage.routes import router as visit_coverage
from services.intake.visit_plans.routes import router as visit_plans
from services.intake.visits.routes import router as visits
from shared.clock import today
from shared.encoders import mode
from shared.held import held_events_router
from shared.holidays import announced_through, missing_notice
from shared.vault import Vault
from shared.web import create_app

__all__ = ["create"]


@asynccontextmanager
async def _prepared(app: FastAPI) -> AsyncIterator[None]:
    app.state.desk = Desk(app.state.db)
    # An encoder is loaded before the first request: it takes half a second.
    app.state.readiness_details = {"proposals": await asyncio.to_thread(mode), "calendar": _calendar()}
    yield


def _calendar() -> str:
    """Tell, as of the start, how far public holidays are known, and whether a notice is missing that should be out."""
    missing = missing_notice(today())
    known = f"announced through {announced_through()}"
    return known if missing is None else f"{known}; the notice for {missing} is missing: PUT /v1/calendar/days"


def create() -> FastAPI:
    """Build the app from the environment; for `uvicorn --factory`."""
    settings = IntakeSettings()
    app = create_app(
        name="intake",
        settings=settings,
        routers=[
            cases,
            on_behalf,
            case_answers,
            suggestions,
            drafts,
            clocks,
            claims,
            verdicts,
            appeals,
            merging,
            mediation,
            mediated_agreements,
            supervision,
            spot_checks,
            anonymous,
            notifications,
            categories,
            forms,
            attachments,
            calendar,
            handling,
            routing,
            proposals,
            contacts,
            open311_admin,
            open311,
            open311_reports,
            sync,
            imports,
            facts,
            visit_plans,
            visits,
            visit_coverage,
            inspections,
            hazards,
            held_events_router("intake"),
        ],
        title="Linli intake 诉求受理",
        description="Cases from their first word to the requester's verdict. 诉求从提出到评价的全过程。",
        lifespan_extra=_prepared,
    )
    app.state.vault = Vault(settings.field_keys.get_secret_value(), settings.blind_index_key.get_secret_value())
    app.state.open311_questions = asked_by
    scanning = ScanningSettings()
    clamd = scanning.clamd_address
    app.state.scanner = ClamdScanner(clamd, timeout_s=scanning.clamd_timeout_s) if clamd is not None else None
    return app
