"""Alembic environment of the intake."""

from services.intake.attachments import models as attachments
from services.intake.calendar import models as calendar
from services.intake.cases import models as cases
from services.intake.categories import models as categories
from services.intake.models import Base
from services.intake.proposals import models as proposals
from services.intake.routing import models as routing
from shared.db.migrations import run_migrations

# Importing the models registers their tables.
REGISTERED = (attachments, calendar, cases, categories, proposals, routing)

run_migrations(Base.metadata, "intake")
