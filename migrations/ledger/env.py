"""Alembic environment of the ledger."""

from services.ledger.books import models as books
from services.ledger.funds import models as funds
from services.ledger.grants import models as grants
from services.ledger.grants import projects
from services.ledger.invoices import models as invoices
from services.ledger.models import Base
from services.ledger.property import models as property_books
from shared.db.migrations import run_migrations

# Importing the models registers their tables.
REGISTERED = (books, funds, grants, invoices, projects, property_books)

run_migrations(Base.metadata, "ledger")
