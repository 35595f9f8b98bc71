"""The ledger's process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from services.ledger.books.batching import MicroBatcher
from services.ledger.books.routes import router as books
from services.ledger.books.service import KnownBooks, post_for_many
from services.ledger.funds.routes import router as funds
from services.ledger.grants.routes import router as grants
from services.ledger.invoices.routes import router as invoices
from services.ledger.settings import LedgerSettings
from shared.held import held_events_router
from shared.web import create_app

__all__ = ["create"]


def create() -> FastAPI:
    """Build the app from the environment; for `uvicorn --factory`."""
    settings = LedgerSettings()

    @asynccontextmanager
    async def batching(app: FastAPI) -> AsyncIterator[None]:
        app.state.books = KnownBooks(app.state.db)
        app.state.batcher = MicroBatcher(
            partial(post_for_many, app.state.db), waiting_max=settings.ledger_postings_waiting_max
        )
        yield
        await app.state.batcher.close()

    return create_app(
        name="ledger",
        settings=settings,
        routers=[books, funds, grants, invoices, held_events_router("ledger")],
        title="Linli ledger 资金账本",
        description="Money under a charter, every fen followed. 每一分钱都有来处和去处。",
        lifespan_extra=batching,
    )
