"""Leases that run out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from services.intake.claims import repository, service
from services.intake.claims.models import Claim
from services.intake.sweeping import each_alone
from shared.clock import utc_now
from shared.db import Database, Session, WriteSession
from shared.messaging import TenantSchedule

__all__ = ["return_lapsed_claims", "schedules"]


async def return_lapsed_claims(database: Database, tenant: str, _: datetime) -> None:
    """Take back what was claimed and left lying, each case in a transaction of its own; one that fails stops none."""

    async def lapsed(session: Session, after: Any, limit: int) -> Sequence[Claim]:  # noqa: ANN401 - a place
        return await repository.lapsed_claims(session, utc_now(), after=after, limit=limit)

    async def return_lapsed(session: WriteSession, claim: Claim) -> None:
        await service.return_lapsed(session, claim.case_id)

    await each_alone(database, tenant, lapsed, lambda claim: (claim.lease_until, claim.id), return_lapsed)


schedules: Final = (TenantSchedule("return_lapsed_claims", 5, "case_number_blocks", return_lapsed_claims),)
