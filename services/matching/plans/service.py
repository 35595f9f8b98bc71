"""Use cases of plans: asking for one, and applying it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.matching.locking import take_turn
from services.matching.places import open_area
from services.matching.plans import repository
from services.matching.plans.models import MatchPlan
from services.matching.plans.rules import PLANNERS, STEPS, PlanAction, PlanFacts, PlanState, PlanUnderWay
from services.matching.plans.schemas import FloorIn, PlanIn, PricesIn
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, IdTaken, Invalid, NotFound
from shared.steps import check_step
from shared.texts import Text

__all__ = [
    "apply_plan",
    "ask_for_plan",
    "facts_of",
    "lapse_plan",
    "lock_plan",
    "plan_for_reading",
    "prune",
    "want_plan",
]


class EmptyFloor(Invalid):
    """A floor names a group, an area, or both."""

    code = "floor_of_nobody"
    title = Text(zh="保底条件须指定人群或区域", en="A floor names a group or an area")


def facts_of(plan: MatchPlan) -> PlanFacts:
    """Return what the rules know of a plan."""
    return PlanFacts(PlanState(plan.state), plan.area_path)


async def plan_for_reading(session: Session, caller: Principal, plan_id: UUID) -> MatchPlan:
    """Return a plan to the staff of its area."""
    plan = await repository.find_plan(session, plan_id)
    if plan is None:
        raise NotFound
    if not caller.has(*PLANNERS, at=plan.area_path):
        raise Forbidden(rule="officers_plan")
    return plan


async def lock_plan(session: WriteSession, plan_id: UUID) -> MatchPlan:
    """Return a plan for a change, or NotFound."""
    plan = await repository.lock_plan(session, plan_id)
    if plan is None:
        raise NotFound
    return plan


async def _floor(session: Session, wanted: FloorIn, place: int) -> dict[str, Any]:
    if wanted.group is None and wanted.area_id is None:
        raise EmptyFloor(pointer=f"/floors/{place}")
    path = None
    if wanted.area_id is not None:
        path = (await open_area(session, wanted.area_id, pointer=f"/floors/{place}/area_id")).path
    return {**wanted.model_dump(mode="json"), "area_path": path}


async def ask_for_plan(session: WriteSession, caller: Principal, wanted: PlanIn) -> tuple[MatchPlan, bool]:
    """Ask for a plan of an area's needs; the worker computes it. Returns it and whether it is new."""
    area = await open_area(session, wanted.area_id)
    caller.must(*PLANNERS, at=area.path, rule="officers_plan")
    floors = [await _floor(session, floor, place) for place, floor in enumerate(wanted.floors)]
    prices = wanted.prices.model_dump()
    await take_turn(session, "match_plan", wanted.id)
    earlier = await repository.find_plan(session, wanted.id) if wanted.id else None
    if earlier is not None:
        if (earlier.area_id, earlier.floors, earlier.prices) != (wanted.area_id, floors, prices):
            raise IdTaken(pointer="/id")
        return earlier, False
    await take_turn(session, "match_plan_of", area.id)
    if await repository.wanted_plan_of(session, area.path) is not None:
        raise PlanUnderWay
    plan = _plan(session, wanted.id or new_id(), area.path, caller.actor, floors, prices)
    plan.area_id = area.id
    session.add(plan)
    await session.flush()
    return plan, True


async def want_plan(session: WriteSession, path: str, actor: str, since: datetime) -> MatchPlan | None:
    """Ask for a plan of everything below a path, unless there has been one since a moment."""
    if await repository.latest_plan_since(session, path, since) is not None:
        return None
    plan = _plan(session, new_id(), path, actor, [], PricesIn().model_dump())
    session.add(plan)
    await session.flush()
    return plan


def _plan(
    session: WriteSession, plan_id: UUID, path: str, actor: str, floors: list[dict[str, Any]], prices: dict[str, int]
) -> MatchPlan:
    return MatchPlan(
        tenant_id=session.tenant,
        id=plan_id,
        area_id=None,
        area_path=path,
        state=PlanState.WANTED.value,
        floors=floors,
        prices=prices,
        requested_by=actor,
        requested_at=utc_now(),
        figures={},
        score=0,
        version=1,
    )


async def apply_plan(session: WriteSession, caller: Principal, plan: MatchPlan) -> None:
    """Make the plan's lines the first proposals of their needs; lines that have changed meanwhile are refused."""
    check_step(STEPS, PlanAction.APPLY, facts_of(plan), caller)
    now = utc_now()
    outcomes = await repository.apply_lines(session, plan.id, now)
    plan.state, plan.applied_by, plan.applied_at = PlanState.APPLIED.value, caller.actor, now
    plan.figures = plan.figures | {"outcomes": outcomes}
    plan.version += 1
    await session.flush()


async def lapse_plan(session: WriteSession, plan_id: UUID) -> None:
    """Let a plan lapse that is too old to be applied, unless somebody has just done so."""
    plan = await lock_plan(session, plan_id)
    if plan.state == PlanState.COMPUTED:
        plan.state = PlanState.LAPSED.value
        plan.version += 1
        await session.flush()


async def prune(session: WriteSession, plan_id: UUID, limit: int) -> int:
    """Delete some of what a lapsed plan left; returns how many lines, 0 when that was all."""
    deleted = await repository.delete_lines(session, plan_id, limit)
    if not deleted:
        plan = await lock_plan(session, plan_id)
        plan.pruned_at = utc_now()
        plan.version += 1
        await session.flush()
    return deleted
