"""The ledger's process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from services.ledger.bank.routes import router as bank
from services.ledger.books.routes import router as books
from services.ledger.books.service import Poster
from services.ledger.campaigns.routes import router as campaigns
from services.ledger.contracts.routes import router as contracts
from services.ledger.funds.routes import router as funds
from services.ledger.grants.routes import router as grants
from services.ledger.holds.routes import router as holds
from services.ledger.invoices.routes import router as invoices
from services.ledger.periods.routes import router as periods
from services.ledger.proofs.routes import router as proofs
from services.ledger.property.routes import router as property_books
from services.ledger.publishing.routes import router as publishing
from services.ledger.questions.routes import router as questions
from services.ledger.reversals.routes import router as reversals
from services.ledger.settings import LedgerSettings
from services.ledger.suppliers.routes import router as suppliers
from shared.db import Database
from shared.held import held_events_router
from shared.web import create_app

__all__ = ["create"]

# One batch of a tenant is written at a time; tenants do not wait for each other.
_BATCH_CONNECTIONS: Final = 4


def create() -> FastAPI:
    """Build the app from the environment; for `uvicorn --factory`."""
    settings = LedgerSettings()

    @asynccontextmanager
    async def batching(app: FastAPI) -> AsyncIterator[None]:
        # Requests hold connections of the ordinary pool while they wait for their batch. Were the batch to wait for one
        # of those, nobody would go on.
        database = Database(
            settings.database_url.get_secret_value(),
            schema="ledger",
            pool_size=_BATCH_CONNECTIONS,
            application_name="linli-ledger",
            pool_timeout_s=settings.db_pool_timeout_s,
            statement_timeout_ms=settings.statement_timeout_ms,
        )
        app.state.poster = Poster(database, waiting_max=settings.ledger_postings_waiting_max)
        yield
        await app.state.poster.close()
        await database.close()

    return create_app(
        name="ledger",
        settings=settings,
        routers=[
            books,
            holds,
            reversals,
            periods,
            proofs,
            publishing,
            questions,
            funds,
            grants,
            bank,
            campaigns,
            contracts,
            invoices,
            property_books,
            suppliers,
            held_events_router("ledger"),
        ],
        title="Linli ledger 资金账本",
        description="Money under a charter, every fen followed. 每一分钱都有来处和去处。",
        lifespan_extra=batching,
    )
