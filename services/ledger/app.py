"""The ledger's process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.ledger.books.routes import router as books
from services.ledger.books.service import Poster
from services.ledger.funds.routes import router as funds
from services.ledger.grants.routes import router as grants
from services.ledger.holds.routes import router as holds
from services.ledger.invoices.routes import router as invoices
from services.ledger.property.routes import router as property_books
from services.ledger.reversals.routes import router as reversals
from services.ledger.settings import LedgerSettings
from shared.held import held_events_router
from shared.web import create_app

__all__ = ["create"]


def create() -> FastAPI:
    """Build the app from the environment; for `uvicorn --factory`."""
    settings = LedgerSettings()

    @asynccontextmanager
    async def batching(app: FastAPI) -> AsyncIterator[None]:
        app.state.poster = Poster(app.state.db, waiting_max=settings.ledger_postings_waiting_max)
        yield
        await app.state.poster.close()

    return create_app(
        name="ledger",
        settings=settings,
        routers=[books, holds, reversals, funds, grants, invoices, property_books, held_events_router("ledger")],
        title="Linli ledger 资金账本",
        description="Money under a charter, every fen followed. 每一分钱都有来处和去处。",
        lifespan_extra=batching,
    )
