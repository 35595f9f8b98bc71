"""Plans are computed by the worker, on demand within seconds, and for everything every night."""

from datetime import datetime, timedelta
from typing import Final

import structlog

from services.matching.plans import repository, service
from services.matching.plans.computing import compute_plan
from services.matching.plans.rules import BY_NIGHT, KEPT, KEPT_BY_NIGHT, PlanState
from shared.clock import CHINA, utc_now
from shared.db import Database
from shared.messaging import TenantSchedule

__all__ = ["compute_wanted_plans", "plan_by_night", "prune_plans", "schedules"]

log = structlog.get_logger()

_LOOK_EVERY_S: Final = 2
_HOUR_S: Final = 3_600
_NIGHT: Final = 2
_ONCE_A_NIGHT: Final = timedelta(hours=12)
# In transactions of so many lines, and so many lines an hour: two nights of a hundred thousand needs and offers.
_LINES_AT_ONCE: Final = 5_000
_BATCHES: Final = 80
_PLANS: Final = 50


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
            await service.want_plan(session, path, BY_NIGHT, utc_now() - _ONCE_A_NIGHT)


async def prune_plans(database: Database, tenant: str, occurrence: datetime) -> None:
    """Let old plans lapse that nobody applied, and delete their lines bit by bit; their figures stay."""
    before, nightly_before = occurrence - KEPT, occurrence - KEPT_BY_NIGHT
    async with database.read(tenant) as session:
        lapsing = await repository.lapsing_plans(session, before=before, nightly_before=nightly_before, limit=_PLANS)
    for plan_id in lapsing:
        async with database.write(tenant) as session:
            await service.lapse_plan(session, plan_id)
    async with database.read(tenant) as session:
        waiting = list(await repository.plans_to_prune(session, _PLANS))
    total = 0
    for _ in range(_BATCHES):
        if not waiting:
            break
        async with database.write(tenant) as session:
            deleted = await service.prune(session, waiting[0], _LINES_AT_ONCE)
        total += deleted
        if not deleted:
            waiting.pop(0)
    if lapsing or total:
        log.info("match_plans_pruned", tenant=tenant, plans=len(lapsing), lines=total)


schedules: Final = (
    TenantSchedule("compute_match_plans", _LOOK_EVERY_S, "match_plans", compute_wanted_plans),
    TenantSchedule("plan_by_night", _HOUR_S, "needs", plan_by_night),
    TenantSchedule("prune_match_plans", _HOUR_S, "match_plans", prune_plans),
)
