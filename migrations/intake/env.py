"""Alembic environment of the intake."""

from services.intake.attachments import models as attachments
from services.intake.calendar import models as calendar
from services.intake.cases import models as cases
from services.intake.categories import models as categories
from services.intake.contacts import models as contacts
from services.intake.models import Base
from services.intake.open311 import models as open311
from services.intake.open311_admin import models as open311_admin
from shared.db.migrations import run_migrations

# Importing the models registers their tables.
REGISTERED = (attachments, calendar, cases, categories, contacts, open311, open311_admin)

run_migrations(Base.metadata, "intake")
