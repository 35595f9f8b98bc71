"""What the intake does outside of requests."""

from services.intake.cases.jobs import consumers as case_consumers
from services.intake.models import reference
from services.intake.proposals.jobs import schedules as proposal_schedules
from shared.messaging import Consumers, Schedule, TenantSchedule
from shared.reference import reference_consumers

__all__ = ["consumers", "schedules"]

consumers = Consumers("intake")
consumers.include(reference_consumers("intake", reference))
consumers.include(case_consumers)

schedules: tuple[Schedule | TenantSchedule, ...] = (*proposal_schedules,)
