"""What the matching does outside of requests."""

from services.matching.cases.jobs import consumers as case_consumers
from services.matching.credentials.jobs import schedules as credential_schedules
from services.matching.holds.jobs import consumers as hold_consumers
from services.matching.holds.jobs import schedules as hold_schedules
from services.matching.matches.jobs import consumers as match_consumers
from services.matching.matches.jobs import schedules as match_schedules
from services.matching.models import reference
from services.matching.needs.jobs import consumers as need_consumers
from services.matching.offers.jobs import schedules as offer_schedules
from services.matching.order_series.jobs import schedules as series_schedules
from services.matching.order_supervision.jobs import schedules as supervision_schedules
from services.matching.orders.jobs import consumers as order_consumers
from services.matching.orders.jobs import schedules as order_schedules
from services.matching.outgoing.jobs import begin, close
from services.matching.outgoing.jobs import consumers as outgoing_consumers
from services.matching.outgoing.jobs import schedules as outgoing_schedules
from services.matching.plans.jobs import schedules as plan_schedules
from services.matching.projects.jobs import consumers as project_consumers
from services.matching.proofs.jobs import consumers as proof_consumers
from services.matching.slots.jobs import schedules as slot_schedules
from services.matching.webhooks_in.jobs import consumers as webhook_consumers
from services.matching.webhooks_in.jobs import schedules as webhook_schedules
from shared.messaging import Consumers, Schedule, TenantSchedule
from shared.reference import reference_consumers

__all__ = ["begin", "close", "consumers", "schedules"]

consumers = Consumers("matching")
for heard in (
    reference_consumers("matching", reference),
    case_consumers,
    need_consumers,
    match_consumers,
    hold_consumers,
    proof_consumers,
    project_consumers,
    webhook_consumers,
    outgoing_consumers,
    order_consumers,
    hold_consumers,
):
    consumers.include(heard)

schedules: tuple[Schedule | TenantSchedule, ...] = (
    *offer_schedules,
    *hold_schedules,
    *credential_schedules,
    *webhook_schedules,
    *outgoing_schedules,
    *order_schedules,
    *series_schedules,
    *supervision_schedules,
    *slot_schedules,
    *match_schedules,
    *plan_schedules,
)
