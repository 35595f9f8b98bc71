"""Alembic environment of the ledger."""

from services.ledger.bank import models as bank
from services.ledger.books import models as books
from services.ledger.campaigns import models as campaigns
from services.ledger.contracts import models as contracts
from services.ledger.funds import models as funds
from services.ledger.grants import models as grants
from services.ledger.grants import projects
from services.ledger.invoices import models as invoices
from services.ledger.models import Base
from services.ledger.periods import models as periods
from services.ledger.proofs import models as proofs
from services.ledger.property import models as property_books
from services.ledger.questions import models as questions
from services.ledger.suppliers import models as suppliers
from shared.db.migrations import run_migrations

# Importing the models registers their tables.
REGISTERED = (
    bank,
    books,
    campaigns,
    contracts,
    suppliers,
    funds,
    grants,
    invoices,
    periods,
    projects,
    property_books,
    proofs,
    questions,
)

run_migrations(Base.metadata, "ledger")
