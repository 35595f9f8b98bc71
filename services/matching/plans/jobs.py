"""Plans are computed by the worker, on demand within seconds, and for everything every night."""

from datetime import datetime, timedelta
from typing import Final

import structlog

from services.matching.plans import repository, service
from services.matching.plans.computing import compute_plan
from services.matching.plans.rules import PlanState
from shared.clock import CHINA, utc_now
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["compute_wanted_plans", "plan_by_night", "schedules"]

log = structlog.get_logger()

_LOOK_EVERY_S: Final = 2
_HOUR_S: Final = 3_600
_NIGHT: Final = 2
_ONCE_A_NIGHT: Final = timedelta(hours=12)
_SYSTEM: Final = "system/matching"


async def compute_wanted_plans(database: Database, tenant: str, _: datetime) -> None:
    """Compute what was asked for, one plan after the other; one that fails says so and stops none."""
    async with database.read(tenant) as session:
        wanted = await repository.wanted_plans(session)
    for plan_id in wanted:
        try:
            await compute_plan(database, tenant, plan_id)
        except Exception as error:  # noqa: BLE001 - the other plans have nothing to do with it
            log.error("match_plan_failed", tenant=tenant, plan_id=str(plan_id), error=repr(error)[:300])
            async with database.write(tenant) as session:
                plan = await service.lock_plan(session, plan_id)
                plan.state, plan.figures = PlanState.FAILED.value, {"error": type(error).__name__}
                plan.version += 1


async def plan_by_night(database: Database, tenant: str, occurrence: datetime) -> None:
    """Ask for a plan of everything, in the small hours."""
    if occurrence.astimezone(CHINA).hour != _NIGHT:
        return
    async with database.write(tenant) as session:
        for path in await repository.need_roots(session):
            await service.want_plan(session, path, _SYSTEM, utc_now() - _ONCE_A_NIGHT)


schedules: Final = (
    TenantSchedule("compute_match_plans", _LOOK_EVERY_S, "match_plans", compute_wanted_plans),
    TenantSchedule("plan_by_night", _HOUR_S, "needs", plan_by_night),
)
