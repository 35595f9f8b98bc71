"""What the ledger does outside of requests."""

from services.ledger.campaigns.jobs import schedules as campaign_schedules
from services.ledger.funds.jobs import consumers as fund_consumers
from services.ledger.grants.jobs import consumers as grant_consumers
from services.ledger.holds.jobs import schedules as hold_schedules
from services.ledger.models import reference
from services.ledger.periods.jobs import schedules as period_schedules
from services.ledger.proofs.jobs import schedules as seal_schedules
from shared.messaging import Consumers, Schedule, TenantSchedule
from shared.reference import reference_consumers

__all__ = ["consumers", "schedules"]

consumers = Consumers("ledger")
consumers.include(reference_consumers("ledger", reference))
consumers.include(grant_consumers)
consumers.include(fund_consumers)

schedules: tuple[Schedule | TenantSchedule, ...] = (
    *hold_schedules,
    *seal_schedules,
    *period_schedules,
    *campaign_schedules,
)
