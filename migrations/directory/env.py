"""Alembic environment of the directory: its metadata is complete once the tables of all subjects are loaded."""

from services.directory.areas import models as areas
from services.directory.deliveries import models as deliveries
from services.directory.devices import models as devices
from services.directory.entitlements import models as entitlements
from services.directory.models import SCHEMA, Base
from services.directory.people import models as people
from services.directory.personal import models as personal
from services.directory.signin import models as signin
from services.directory.tenants import models as tenants
from services.directory.units import models as units
from shared.db.migrations import run_migrations

SUBJECTS = (tenants, areas, units, people, personal, signin, devices, deliveries, entitlements)

run_migrations(Base.metadata, SCHEMA)
