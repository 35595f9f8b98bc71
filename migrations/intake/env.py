"""Alembic environment of the intake."""

from services.intake.anonymous import models as anonymous
from services.intake.appeals import models as appeals
from services.intake.attachments import models as attachments
from services.intake.calendar import models as calendar
from services.intake.cases import models as cases
from services.intake.categories import models as categories
from services.intake.claims import models as claims
from services.intake.clocks import models as clocks
from services.intake.contacts import models as contacts
from services.intake.drafts import models as drafts
from services.intake.facts import models as facts
from services.intake.forms import models as forms
from services.intake.handling import models as handling
from services.intake.hazards import models as hazards
from services.intake.imports import models as imports
from services.intake.inspections import models as inspections
from services.intake.mediation import models as mediation
from services.intake.merging import models as merging
from services.intake.models import Base
from services.intake.notifications import models as notifications
from services.intake.open311 import models as open311
from services.intake.open311_admin import models as open311_admin
from services.intake.proposals import models as proposals
from services.intake.routing import models as routing
from services.intake.spotchecks import models as spotchecks
from services.intake.supervision import models as supervision
from services.intake.sync import models as sync
from services.intake.verdicts import models as verdicts
from services.intake.visit_plans import models as visit_plans
from services.intake.visits import models as visits
from shared.db.migrations import run_migrations

# Importing the models registers their tables.
REGISTERED = (
    anonymous,
    appeals,
    attachments,
    calendar,
    cases,
    categories,
    claims,
    clocks,
    contacts,
    drafts,
    facts,
    forms,
    handling,
    hazards,
    imports,
    inspections,
    mediation,
    merging,
    notifications,
    open311,
    open311_admin,
    proposals,
    routing,
    spotchecks,
    supervision,
    sync,
    verdicts,
    visit_plans,
    visits,
)

run_migrations(Base.metadata, "intake")
