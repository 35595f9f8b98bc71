"""What the intake does outside of requests."""

from services.intake.appeals.jobs import schedules as appeal_schedules
from services.intake.attachments.jobs import consumers as attachment_consumers
from services.intake.attachments.jobs import schedules as attachment_schedules
from services.intake.cases.jobs import consumers as case_consumers
from services.intake.claims.jobs import schedules as claim_schedules
from services.intake.drafts.jobs import schedules as draft_schedules
from services.intake.escalation.jobs import schedules as clock_schedules
from services.intake.facts.jobs import schedules as fact_schedules
from services.intake.hazards.jobs import schedules as hazard_schedules
from services.intake.imports.jobs import schedules as import_schedules
from services.intake.mediation.jobs import schedules as mediation_schedules
from services.intake.models import reference
from services.intake.notifications.jobs import consumers as notification_consumers
from services.intake.proposals.jobs import schedules as proposal_schedules
from services.intake.supervision.jobs import schedules as supervision_schedules
from shared.messaging import Consumers, TenantSchedule
from shared.reference import reference_consumers

__all__ = ["consumers", "schedules"]

consumers = Consumers("intake")
consumers.include(reference_consumers("intake", reference))
consumers.include(case_consumers)
consumers.include(notification_consumers)
consumers.include(attachment_consumers)

schedules: tuple[TenantSchedule, ...] = (
    *clock_schedules,
    *claim_schedules,
    *supervision_schedules,
    *appeal_schedules,
    *proposal_schedules,
    *draft_schedules,
    *attachment_schedules,
    *import_schedules,
    *fact_schedules,
    *hazard_schedules,
    *mediation_schedules,
)
