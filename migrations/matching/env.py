"""Alembic environment of the matching."""

from services.matching.agreements import models as agreements
from services.matching.cases import models as cases
from services.matching.conformance import models as conformance
from services.matching.credentials import models as credentials
from services.matching.endpoints import models as endpoints
from services.matching.holds import models as holds
from services.matching.imports import models as imports
from services.matching.matches import models as matches
from services.matching.models import Base
from services.matching.needs import models as needs
from services.matching.offers import models as offers
from services.matching.order_series import models as order_series
from services.matching.order_supervision import models as order_supervision
from services.matching.orders import models as orders
from services.matching.outgoing import models as outgoing
from services.matching.partners import models as partners
from services.matching.plans import models as plans
from services.matching.projects import models as projects
from services.matching.record import models as record
from services.matching.resources import models as resources
from services.matching.series import models as series
from services.matching.slots import models as slots
from services.matching.webhook_secrets import models as webhook_secrets
from services.matching.webhooks_in import models as webhooks_in
from shared.db.migrations import run_migrations

# Importing the models registers their tables.
REGISTERED = (
    agreements,
    cases,
    conformance,
    credentials,
    endpoints,
    holds,
    imports,
    matches,
    needs,
    offers,
    order_series,
    order_supervision,
    orders,
    outgoing,
    partners,
    plans,
    projects,
    record,
    resources,
    series,
    slots,
    webhook_secrets,
    webhooks_in,
)

run_migrations(Base.metadata, "matching")
