"""Leases that run out, and promised times that pass."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from services.intake.claims import repository, service
from services.intake.claims.models import Claim
from services.intake.sweeping import each_alone
from shared.clock import utc_now
from shared.db import Database, Session, WriteSession
from shared.messaging import TenantSchedule

__all__ = ["return_lapsed_claims", "schedules", "tell_of_overdue_claims"]


async def return_lapsed_claims(database: Database, tenant: str, _: datetime) -> None:
    """Take back what was claimed and left lying, each case in a transaction of its own; one that fails stops none."""

    async def lapsed(session: Session, after: Any, limit: int) -> Sequence[Claim]:  # noqa: ANN401 - a place
        return await repository.lapsed_claims(session, utc_now(), after=after, limit=limit)

    async def return_lapsed(session: WriteSession, claim: Claim) -> None:
        await service.return_lapsed(session, claim.case_id)

    await each_alone(database, tenant, lapsed, lambda claim: (claim.lease_until, claim.id), return_lapsed)


async def tell_of_overdue_claims(database: Database, tenant: str, _: datetime) -> None:
    """Tell of every claim whose unit did not keep the time that it had promised, once; one that fails stops none."""

    async def overdue(session: Session, after: Any, limit: int) -> Sequence[Claim]:  # noqa: ANN401 - a place
        return await repository.due_claims(session, utc_now(), after=after, limit=limit)

    async def told(session: WriteSession, claim: Claim) -> None:
        await service.tell_of_overdue(session, claim.case_id)

    await each_alone(database, tenant, overdue, lambda claim: (claim.due_at, claim.id), told)


schedules: Final = (
    TenantSchedule("return_lapsed_claims", 5, "case_number_blocks", return_lapsed_claims),
    TenantSchedule("tell_of_overdue_claims", 15, "case_number_blocks", tell_of_overdue_claims),
)
