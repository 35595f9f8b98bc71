"""The ledger's process."""

from fastapi import FastAPI

from services.ledger.books.routes import router as books
from services.ledger.funds.routes import router as funds
from services.ledger.grants.routes import router as grants
from services.ledger.invoices.routes import router as invoices
from services.ledger.settings import LedgerSettings
from shared.held import held_events_router
from shared.web import create_app

__all__ = ["create"]


def create() -> FastAPI:
    """Build the app from the environment; for `uvicorn --factory`."""
    return create_app(
        name="ledger",
        settings=LedgerSettings(),
        routers=[books, funds, grants, invoices, held_events_router("ledger")],
        title="Linli ledger 资金账本",
        description="Money under a charter, every fen followed. 每一分钱都有来处和去处。",
    )
