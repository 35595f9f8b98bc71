"""Use cases of visits: recorded as a whole with the cases that come of them, shown, and voided."""

from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from services.intake.attachments.models import AttachmentUse
from services.intake.attachments.service import attach_elsewhere
from services.intake.cases.problems import UnknownArea, UnknownCategory
from services.intake.cases.service import active_unit
from services.intake.categories.repository import get_category
from services.intake.inspections.repository import void_inspections
from services.intake.models import reference
from services.intake.visit_plans.models import VisitPlan
from services.intake.visit_plans.repository import is_listed, rounds_of, share_plan, targets_of
from services.intake.visit_plans.rules import PlanState, VisitKind, lies_within
from services.intake.visit_plans.service import check_visitor, disclose, household_key
from services.intake.visits import repository
from services.intake.visits.births import file_heard
from services.intake.visits.models import Visit
from services.intake.visits.problems import (
    DoorRequired,
    InTheFuture,
    OutsideOfPlan,
    PlanIsOver,
    TooLongAgo,
    UnknownPlan,
    WrongPlanKind,
)
from services.intake.visits.rules import (
    CLOCK_SKEW,
    OLDEST,
    STEPS,
    Disposition,
    VisitAction,
    VisitFacts,
    VisitState,
    door_hint,
)
from services.intake.visits.schemas import VisitIn
from services.intake.visits.work import FieldWork
from shared.auth import Principal
from shared.clock import CHINA, utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound, Unauthenticated
from shared.reference import find_area
from shared.steps import check_step
from shared.vault import Place, Vault

__all__ = ["begin_visit_step", "facts_of", "read_door", "record_visit", "void_visit"]

_COLUMN: Final = "visits.sealed_door"


@dataclass(frozen=True, slots=True)
class _Counted:
    """What a visit counts for: a round and a target of a plan, and whether its household is one that was planned."""

    round: int
    target: int
    on_plan: bool


def facts_of(visit: Visit) -> VisitFacts:
    """Return what the rules know of a visit."""
    return VisitFacts(VisitState(visit.state), visit.area_path, visit.visitor_id)


async def record_visit(work: FieldWork, wanted: VisitIn) -> tuple[Visit, bool]:
    """Record a visit: what was heard becomes cases, or is noted; all of it, or nothing.

    Returns:
        The visit and whether it is new: the same id with the same content is the same visit, and nothing is done twice.

    Raises:
        IdTaken: the id names another visit, or one of its cases is there already.
        Forbidden: the caller does not go there.
        UnknownArea, UnknownUnit, UnknownCategory, UnknownPlan, UnknownAttachment: there is none.
        PlanIsOver, WrongPlanKind, OutsideOfPlan: it does not belong to the plan.
        DoorRequired, InTheFuture, TooLongAgo: it cannot be counted.
    """
    session, caller = work.session, work.caller
    visit_id = wanted.id or new_id()
    digest = work.vault.digest(session.tenant, wanted.model_dump(mode="json", exclude={"id"}))
    earlier = await repository.find_any_visit(session, visit_id)
    if earlier is None:
        visit = await _judged(work, wanted, visit_id, digest)
        if await repository.add_visit(session, visit):
            await _add_parts(work, visit, wanted)
            return visit, True
        earlier = await repository.find_any_visit(session, visit_id)
    if earlier is None or (earlier.digest, earlier.recorded_by) != (digest, caller.actor):
        raise IdTaken(pointer="/id")
    return earlier, False


async def _judged(work: FieldWork, wanted: VisitIn, visit_id: UUID, digest: bytes) -> Visit:
    """Return the visit as it will be written, or refuse it."""
    session, caller, vault = work.session, work.caller, work.vault
    if caller.subject_id is None:
        raise Unauthenticated
    now = utc_now()
    if wanted.visited_at > now + CLOCK_SKEW:
        raise InTheFuture(pointer="/visited_at")
    if wanted.visited_at < now - OLDEST:
        raise TooLongAgo(pointer="/visited_at")
    area = await work.once(wanted.area_id, partial(find_area, session, reference, wanted.area_id))
    if area is None or (area.closed_on is not None and area.closed_on <= wanted.visited_at.astimezone(CHINA).date()):
        raise UnknownArea(pointer="/area_id")
    plan = await _plan_of(work, wanted)
    check_visitor(caller, area.path, plan)
    if wanted.unit_id is not None:
        await active_unit(session, wanted.unit_id)
    key = _key_of(work, wanted)
    counted = await _counted(work, plan, wanted, area.path, key)
    location = (wanted.location.latitude, wanted.location.longitude) if wanted.location else (None, None)
    sealed = vault.seal(wanted.door, Place(session.tenant, _COLUMN, visit_id)) if wanted.door else None
    return Visit(
        tenant_id=session.tenant,
        id=visit_id,
        kind=wanted.kind.value,
        plan_id=wanted.plan_id,
        round=counted.round if counted else None,
        target=counted.target if counted else None,
        on_plan=counted is not None and counted.on_plan,
        area_id=wanted.area_id,
        area_path=area.path,
        latitude=location[0],
        longitude=location[1],
        unit_id=wanted.unit_id,
        household_key=key,
        sealed_door=sealed,
        door_hint=door_hint(wanted.door) if wanted.door else None,
        visitor_id=caller.subject_id,
        recorded_by=caller.actor,
        visited_at=wanted.visited_at,
        recorded_at=now,
        reached=wanted.reached,
        note=wanted.note,
        state=VisitState.RECORDED.value,
        void_reason=None,
        digest=digest,
        version=1,
    )


def _key_of(work: FieldWork, wanted: VisitIn) -> bytes | None:
    """Return by what the household, or the enterprise, is known again."""
    tenant = work.session.tenant
    if wanted.unit_id is not None and wanted.kind is not VisitKind.HOME:
        return work.vault.index(tenant, "visit_unit", str(wanted.unit_id))
    if wanted.door is not None:
        return household_key(work.vault, tenant, wanted.area_id, wanted.door)
    if wanted.plan_id is not None or wanted.kind in {VisitKind.HOME, VisitKind.ENTERPRISE}:
        raise DoorRequired(pointer="/door")
    return None


async def _plan_of(work: FieldWork, wanted: VisitIn) -> VisitPlan | None:
    if wanted.plan_id is None:
        return None
    session, plan_id = work.session, wanted.plan_id
    plan = await work.once(("plan", plan_id), partial(share_plan, session, plan_id))
    if plan is None:
        raise UnknownPlan(pointer="/plan_id")
    if plan.state == PlanState.CANCELLED:
        raise PlanIsOver(pointer="/plan_id")
    if plan.kind != wanted.kind:
        raise WrongPlanKind(pointer="/kind")
    return plan


async def _counted(
    work: FieldWork, plan: VisitPlan | None, wanted: VisitIn, path: str, key: bytes | None
) -> _Counted | None:
    if plan is None:
        return None
    session, day = work.session, wanted.visited_at.astimezone(CHINA).date()
    rounds = await work.once(("rounds", plan.id), partial(rounds_of, session, {plan.id}))
    number = next((row.position for row in rounds if row.first_on <= day <= row.last_on), None)
    if number is None:
        raise OutsideOfPlan(pointer="/visited_at", reason="period")
    targets = await work.once(("targets", plan.id), partial(targets_of, session, {plan.id}))
    target = next((row for row in targets if lies_within(path, row.area_path)), None)
    if target is None:
        raise OutsideOfPlan(pointer="/area_id", reason="area")
    on_plan = key is not None and (not target.listed or await is_listed(session, target, key))
    return _Counted(number, target.position, on_plan)


async def _add_parts(work: FieldWork, visit: Visit, wanted: VisitIn) -> None:
    """Write down what was heard and run, file the cases that come of it, and give the visit its pictures."""
    session = work.session
    use = AttachmentUse(
        owner_kind="visit", owner_id=visit.id, purpose="report", area_path=visit.area_path, unit_id=None
    )
    await attach_elsewhere(session, work.caller, wanted.attachment_ids, use)
    heard = []
    for place, line in enumerate(wanted.heard):
        case_id = None
        if line.disposition is Disposition.CASE:
            case_id = await file_heard(work, visit, line, place)
        elif await work.once(line.category, partial(get_category, session, line.category)) is None:
            raise UnknownCategory(pointer=f"/heard/{place}/category")
        heard.append(
            {
                "category": line.category,
                "text": line.text,
                "disposition": line.disposition.value,
                "answer": line.answer,
                "case_id": case_id,
            }
        )
    errands = [{"what": errand.what, "done": errand.done} for errand in wanted.errands]
    await repository.add_parts(session, visit.id, heard, errands)


async def begin_visit_step(session: WriteSession, caller: Principal, visit_id: UUID, action: VisitAction) -> Visit:
    """Lock a visit for a step, or refuse: invisible (404), not allowed (403), not now (409)."""
    visit = await repository.lock_visit(session, caller, visit_id)
    if visit is None:
        raise NotFound
    check_step(STEPS, action, facts_of(visit), caller)
    return visit


async def void_visit(session: WriteSession, visit: Visit, reason: str) -> None:
    """Let a visit count for nothing any more, with its inspections. Cases and hazards have lives of their own."""
    visit.state = VisitState.VOIDED.value
    visit.void_reason = reason
    visit.version += 1
    await void_inspections(session, visit.id)
    await session.flush()


async def read_door(
    session: WriteSession, caller: Principal, vault: Vault, visit_id: UUID, purpose: str
) -> tuple[Visit, str]:
    """Open the door of a visit for who made it, and the area's staff; that it was opened, and why, is written beside.

    Raises:
        NotFound: for the caller there is no such visit, or it has no door.
        Forbidden: the caller may see the visit and does not go there.
    """
    visit = await repository.find_visit(session, caller, visit_id)
    if visit is None or visit.sealed_door is None:
        raise NotFound
    if caller.subject_id != visit.visitor_id:
        check_visitor(caller, visit.area_path, None)
    await disclose(session, caller, purpose, visit.area_path, visit_id=visit.id)
    return visit, vault.unseal(visit.sealed_door, Place(session.tenant, _COLUMN, visit.id))
