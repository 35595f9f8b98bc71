"""Alembic environment of the matching."""

from services.matching.cases import models as cases
from services.matching.conformance import models as conformance
from services.matching.matches import models as matches
from services.matching.models import Base
from services.matching.needs import models as needs
from services.matching.offers import models as offers
from services.matching.partners import models as partners
from services.matching.projects import models as projects
from services.matching.webhook_secrets import models as webhook_secrets
from services.matching.webhooks_in import models as webhooks_in
from shared.db.migrations import run_migrations

# Importing the models registers their tables.
REGISTERED = (cases, matches, needs, offers, partners, projects, conformance, webhook_secrets, webhooks_in)

run_migrations(Base.metadata, "matching")
