"""Leases that run out."""

from datetime import datetime
from typing import Final

import structlog

from services.intake.claims import repository, service
from shared.clock import utc_now
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["return_lapsed_claims", "schedules"]

log = structlog.get_logger()
_AT_ONCE: Final = 200


async def return_lapsed_claims(database: Database, tenant: str, _: datetime) -> None:
    """Take back what was claimed and left lying, each case in a transaction of its own; one that fails stops none."""
    after = None
    while True:
        async with database.read(tenant) as session:
            lapsed = await repository.lapsed_claims(session, utc_now(), after=after, limit=_AT_ONCE)
        for claim in lapsed:
            try:
                async with database.write(tenant) as session:
                    await service.return_lapsed(session, claim.case_id)
            except Exception as error:  # noqa: BLE001 - the other cases have nothing to do with it
                log.error("claim_not_returned", tenant=tenant, case_id=str(claim.case_id), error=repr(error)[:300])
        if len(lapsed) < _AT_ONCE:
            return
        after = (lapsed[-1].lease_until, lapsed[-1].id)


schedules: Final = (TenantSchedule("return_lapsed_claims", 5, "case_number_blocks", return_lapsed_claims),)
