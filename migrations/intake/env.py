"""Alembic environment of the intake."""

from services.intake.appeals import models as appeals
from services.intake.attachments import models as attachments
from services.intake.calendar import models as calendar
from services.intake.cases import models as cases
from services.intake.categories import models as categories
from services.intake.claims import models as claims
from services.intake.clocks import models as clocks
from services.intake.handling import models as handling
from services.intake.merging import models as merging
from services.intake.models import Base
from services.intake.supervision import models as supervision
from services.intake.sync import models as sync
from services.intake.verdicts import models as verdicts
from shared.db.migrations import run_migrations

# Importing the models registers their tables.
REGISTERED = (
    appeals,
    attachments,
    calendar,
    cases,
    categories,
    claims,
    clocks,
    handling,
    merging,
    supervision,
    sync,
    verdicts,
)

run_migrations(Base.metadata, "intake")
