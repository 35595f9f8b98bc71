"""The matching's process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.matching.agreements.routes import router as agreements
from services.matching.availability.routes import router as availability
from services.matching.conformance.routes import router as conformance
from services.matching.credentials.routes import router as credentials
from services.matching.endpoints.routes import router as endpoints
from services.matching.holds.routes import router as holds
from services.matching.hsds.routes import router as hsds
from services.matching.imports.routes import router as imports
from services.matching.matches.at_hand import memory
from services.matching.matches.preparing import Notebook, prepare
from services.matching.matches.routes import router as matches
from services.matching.needs.routes import router as needs
from services.matching.offers.routes import router as offers
from services.matching.open_lists.routes import router as open_lists
from services.matching.order_figures.routes import router as order_figures
from services.matching.order_series.routes import router as order_series
from services.matching.order_supervision.routes import router as order_supervision
from services.matching.orders.routes import router as orders
from services.matching.outgoing.routes import router as outgoing
from services.matching.partners.routes import router as partners
from services.matching.plans.routes import router as plans
from services.matching.projects.routes import router as projects
from services.matching.record.routes import router as record
from services.matching.resources.routes import router as resources
from services.matching.series.routes import router as series
from services.matching.settings import MatchingSettings
from services.matching.slots.embedding import begin_loading, finish_loading
from services.matching.slots.routes import router as slots
from services.matching.utilisation.routes import router as utilisation
from services.matching.webhook_secrets.routes import router as webhook_secrets
from services.matching.webhooks_in.keyring import Keyring
from services.matching.webhooks_in.receiving import Desk
from services.matching.webhooks_in.routes import door as webhook_door
from services.matching.webhooks_in.routes import router as webhook_deliveries
from shared.garbage import keep_what_stays
from shared.held import held_events_router
from shared.vault import Vault
from shared.web import create_app

__all__ = ["create"]


@asynccontextmanager
async def _prepared(app: FastAPI) -> AsyncIterator[None]:
    app.state.readiness_details = await begin_loading()
    notebook = app.state.branches_at_hand = Notebook(app.state.settings.redis_url)
    memory.tell = notebook.note
    yield
    await notebook.close()


async def _beside(app: FastAPI) -> None:
    """Load the encoders and read what the process before had at hand: words alone answer until then."""
    await finish_loading(app.state.readiness_details)
    offers = await prepare(app.state.db, app.state.branches_at_hand)
    app.state.readiness_details["offers_at_hand"] = str(offers)
    # The tables of encoders, and thousands of offers, are not to be looked through for garbage either.
    keep_what_stays()


def create() -> FastAPI:
    """Build the app from the environment; for `uvicorn --factory`."""
    settings = MatchingSettings()
    app = create_app(
        name="matching",
        settings=settings,
        # Routes are tried in their order, and senders have to be answered soonest.
        routers=[
            webhook_door,
            partners,
            offers,
            credentials,
            record,
            imports,
            resources,
            availability,
            holds,
            series,
            agreements,
            utilisation,
            needs,
            slots,
            matches,
            plans,
            projects,
            orders,
            order_series,
            order_supervision,
            order_figures,
            hsds,
            open_lists,
            webhook_secrets,
            conformance,
            webhook_deliveries,
            endpoints,
            outgoing,
            held_events_router("matching"),
        ],
        title="Linli matching 供需对接",
        description="Needs meet what the neighbourhood has. 需求与资源对接，成为项目。",
        lifespan_extra=_prepared,
        beside=_beside,
    )
    app.state.vault = Vault(settings.field_keys.get_secret_value(), settings.blind_index_key.get_secret_value())
    app.state.webhook_desk = Desk(app.state.db, Keyring(app.state.db, app.state.vault))
    app.state.public_url = str(settings.public_url) if settings.public_url is not None else None
    return app
