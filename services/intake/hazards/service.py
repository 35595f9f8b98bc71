"""Use cases of hazards: reported with a notice, rectified, looked at again, and escalated."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.intake.attachments.models import AttachmentUse
from services.intake.attachments.service import attach_elsewhere
from services.intake.cases.service import OutsideStep, active_unit, record_outside_steps
from services.intake.categories.repository import get_category
from services.intake.categories.rules import CaseKind
from services.intake.handling.service import handling_of
from services.intake.hazards import repository
from services.intake.hazards.models import Hazard, HazardStep
from services.intake.hazards.problems import (
    NotAHazardCategory,
    NotAnotherVisit,
    NotYourVisit,
    RectifiedBeforeFound,
    RectifiedInTheFuture,
)
from services.intake.hazards.rules import MINUTES, STEPS, HazardAction, HazardFacts, HazardState, Severity
from services.intake.hazards.schemas import (
    ExtendHazardIn,
    FailHazardIn,
    FoundHazardIn,
    HazardIn,
    PassHazardIn,
    RectifyHazardIn,
    WithdrawHazardIn,
)
from services.intake.hazards.telling import tell_hazard
from services.intake.visit_plans.rules import lies_within
from services.intake.visits.models import Visit
from services.intake.visits.problems import UnknownVisit
from services.intake.visits.repository import find_any_visit
from services.intake.visits.rules import CLOCK_SKEW, VisitState
from services.intake.visits.work import FieldWork
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import IdTaken, NotFound
from shared.steps import check_step

__all__ = [
    "Found",
    "begin_hazard_step",
    "extend",
    "facts_of",
    "found_on",
    "look_again",
    "own_visit",
    "rectify",
    "remember",
    "report_hazard",
    "withdraw",
]


@dataclass(frozen=True, slots=True)
class Found:
    """A hazard as it is reported, with what its checklist has decided.

    Attributes:
        hazard_id: its id.
        inspection_id: by which inspection it was found, if by one.
        item_code: at which item.
        category: one of hazards.
        severity: how bad it is.
        minutes: working time for it; None for that of its severity.
        unit_id: who has to rectify it; None for the area's own staff.
        wanted: what was said.
        digest: of everything that was said, to know it again.
    """

    hazard_id: UUID
    inspection_id: UUID | None
    item_code: str | None
    category: str
    severity: Severity
    minutes: int | None
    unit_id: UUID | None
    wanted: FoundHazardIn
    digest: bytes


def facts_of(hazard: Hazard) -> HazardFacts:
    """Return what the rules know of a hazard."""
    return HazardFacts(HazardState(hazard.state), hazard.area_path, hazard.unit_id, hazard.rectified_by, hazard.case_id)


async def own_visit(work: FieldWork, visit_id: UUID) -> Visit:
    """Return the caller's own visit, on which they have found something.

    Raises:
        UnknownVisit: there is none.
        NotYourVisit: it is somebody else's, or voided.
    """
    visit = await find_any_visit(work.session, visit_id)
    if visit is None:
        raise UnknownVisit(pointer="/visit_id")
    if visit.visitor_id != work.caller.subject_id or visit.state != VisitState.RECORDED:
        raise NotYourVisit(pointer="/visit_id")
    return visit


async def report_hazard(work: FieldWork, wanted: HazardIn) -> tuple[Hazard, bool]:
    """Report a hazard that was found without a checklist.

    Returns:
        The hazard and whether it is new: the same id with the same content is the same hazard.

    Raises:
        IdTaken: the id names another hazard.
        UnknownVisit, NotYourVisit, UnknownUnit, UnknownAttachment: what it names is not there, or not the caller's.
        NotAHazardCategory: its category is not one of hazards.
    """
    session = work.session
    hazard_id = wanted.id or new_id()
    digest = work.vault.digest(session.tenant, wanted.model_dump(mode="json", exclude={"id"}))
    earlier = await repository.find_any_hazard(session, hazard_id)
    if earlier is not None:
        if (earlier.digest, earlier.reported_by) != (digest, work.caller.actor):
            raise IdTaken(pointer="/id")
        return earlier, False
    visit = await own_visit(work, wanted.visit_id)
    category = await get_category(session, wanted.category)
    if category is None or not category.active or category.kind != CaseKind.HAZARD:
        raise NotAHazardCategory(pointer="/category")
    found = Found(
        hazard_id=hazard_id,
        inspection_id=None,
        item_code=None,
        category=wanted.category,
        severity=wanted.severity,
        minutes=wanted.minutes,
        unit_id=wanted.unit_id or visit.unit_id,
        wanted=wanted,
        digest=digest,
    )
    return await found_on(work, visit, found), True


async def found_on(work: FieldWork, visit: Visit, found: Found, *, pointer: str = "") -> Hazard:
    """Write a hazard down and give notice: rectify it by a due time, counted in working time from when it was found."""
    session, caller = work.session, work.caller
    if found.unit_id is not None:
        await active_unit(session, found.unit_id, f"{pointer}/unit_id")
    minutes = found.minutes or MINUTES[found.severity]
    handling = await handling_of(session)
    hazard = Hazard(
        tenant_id=session.tenant,
        id=found.hazard_id,
        visit_id=visit.id,
        inspection_id=found.inspection_id,
        item_code=found.item_code,
        category=found.category,
        severity=found.severity.value,
        description=found.wanted.description,
        area_id=visit.area_id,
        area_path=visit.area_path,
        latitude=visit.latitude,
        longitude=visit.longitude,
        place_text=found.wanted.place_text,
        unit_id=found.unit_id,
        state=HazardState.NOTICED.value,
        minutes=minutes,
        found_at=visit.visited_at,
        due_at=handling.calendar.add(visit.visited_at, timedelta(minutes=minutes)),
        late=False,
        failures=0,
        reporter_id=visit.visitor_id,
        reported_by=caller.actor,
        reported_at=utc_now(),
        digest=found.digest,
        version=1,
    )
    if not await repository.add_hazard(session, hazard):
        raise IdTaken(pointer=f"{pointer}/id")
    await _attach(session, caller, hazard, found.wanted.attachment_ids, "report")
    data = {"due_at": hazard.due_at.isoformat(), "severity": hazard.severity}
    remember(session, hazard, "report", caller.actor, hazard.reported_at, data=data)
    await tell_hazard(session, hazard, "hazard_noticed")
    return hazard


async def _attach(
    session: WriteSession, caller: Principal, hazard: Hazard, attachment_ids: list[UUID], purpose: str
) -> None:
    use = AttachmentUse(
        owner_kind="hazard",
        owner_id=hazard.id,
        purpose=purpose,
        area_path=hazard.area_path,
        unit_id=hazard.unit_id,
    )
    await attach_elsewhere(session, caller, attachment_ids, use)


def remember(
    session: WriteSession,
    hazard: Hazard,
    step: str,
    actor: str,
    now: datetime,
    *,
    note: str | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Write a step of a hazard's history; its position is the version that the hazard has after it."""
    row = HazardStep(
        tenant_id=session.tenant,
        hazard_id=hazard.id,
        position=hazard.version,
        step=step,
        actor=actor,
        note=note,
        data=data or {},
        at=now,
    )
    session.add(row)


async def begin_hazard_step(session: WriteSession, caller: Principal, hazard_id: UUID, action: HazardAction) -> Hazard:
    """Lock a hazard for a step, or refuse: invisible (404), not allowed (403), not now (409)."""
    hazard = await repository.lock_hazard(session, caller, hazard_id)
    if hazard is None:
        raise NotFound
    check_step(STEPS, action, facts_of(hazard), caller)
    return hazard


async def rectify(session: WriteSession, caller: Principal, hazard: Hazard, wanted: RectifyHazardIn) -> None:
    """Say with proof that a hazard is rectified; somebody else looks again.

    Raises:
        RectifiedBeforeFound, RectifiedInTheFuture: the time cannot be.
        UnknownAttachment, AttachmentHeld: the proof is none, or not judged yet.
    """
    now = utc_now()
    at = wanted.rectified_at or now
    if at > now + CLOCK_SKEW:
        raise RectifiedInTheFuture(pointer="/rectified_at")
    if at < hazard.found_at:
        raise RectifiedBeforeFound(pointer="/rectified_at")
    await _attach(session, caller, hazard, wanted.attachment_ids, "proof")
    hazard.rectified_at, hazard.rectified_by = at, caller.actor
    hazard.late = hazard.late or at > hazard.due_at
    data = {"rectified_at": at.isoformat(), "attachment_ids": [str(item) for item in wanted.attachment_ids]}
    _take(session, hazard, HazardAction.RECTIFY, caller, now, note=wanted.note, data=data)
    await tell_hazard(session, hazard, "hazard_rectified")


async def look_again(
    session: WriteSession, caller: Principal, hazard: Hazard, wanted: PassHazardIn | FailHazardIn
) -> None:
    """Close a hazard that is found rectified on another visit, or give notice again with a new due time.

    Raises:
        UnknownVisit, NotAnotherVisit: the visit is none, or no second look.
    """
    visit = await _second_look(session, hazard, wanted.visit_id)
    now = utc_now()
    await _attach(session, caller, hazard, wanted.attachment_ids, "review")
    data: dict[str, Any] = {"visit_id": str(visit.id)}
    if isinstance(wanted, PassHazardIn):
        # When somebody saw it, which may be brought in days later.
        hazard.ended_at = visit.visited_at
        _take(session, hazard, HazardAction.PASS, caller, now, note=wanted.note, data=data)
        await session.flush()
        await _tell_case(session, caller, hazard, "hazard_closed")
        return
    minutes = wanted.minutes or hazard.minutes
    handling = await handling_of(session)
    hazard.failures += 1
    hazard.due_at = handling.calendar.add(visit.visited_at, timedelta(minutes=minutes))
    hazard.overdue_at, hazard.rectified_at, hazard.rectified_by = None, None, None
    data["due_at"] = hazard.due_at.isoformat()
    _take(session, hazard, HazardAction.FAIL, caller, now, note=wanted.note, data=data)
    await tell_hazard(session, hazard, "hazard_failed")


async def _second_look(session: WriteSession, hazard: Hazard, visit_id: UUID) -> Visit:
    visit = await find_any_visit(session, visit_id)
    if visit is None or visit.state != VisitState.RECORDED:
        raise UnknownVisit(pointer="/visit_id")
    if visit.id == hazard.visit_id:
        raise NotAnotherVisit(pointer="/visit_id", reason="same_visit")
    if not lies_within(visit.area_path, hazard.area_path) and not lies_within(hazard.area_path, visit.area_path):
        raise NotAnotherVisit(pointer="/visit_id", reason="elsewhere")
    if hazard.rectified_at is not None and visit.visited_at < hazard.rectified_at:
        raise NotAnotherVisit(pointer="/visit_id", reason="before_rectified")
    return visit


async def extend(session: WriteSession, caller: Principal, hazard: Hazard, wanted: ExtendHazardIn) -> None:
    """Let a hazard take longer: from its due time on, or from now when that is over already."""
    now = utc_now()
    handling = await handling_of(session)
    hazard.due_at = handling.calendar.add(max(now, hazard.due_at), timedelta(minutes=wanted.minutes))
    hazard.late = hazard.late or hazard.overdue_at is not None
    hazard.overdue_at = None
    data = {"due_at": hazard.due_at.isoformat()}
    _take(session, hazard, HazardAction.EXTEND, caller, now, note=wanted.reason, data=data)
    await tell_hazard(session, hazard, "hazard_extended")


async def withdraw(session: WriteSession, caller: Principal, hazard: Hazard, wanted: WithdrawHazardIn) -> None:
    """Take a hazard back that is none; its case, if it has one, is told and goes on."""
    hazard.ended_at = utc_now()
    _take(session, hazard, HazardAction.WITHDRAW, caller, hazard.ended_at, note=wanted.reason)
    await session.flush()
    await _tell_case(session, caller, hazard, "hazard_withdrawn")


def _take(
    session: WriteSession,
    hazard: Hazard,
    action: HazardAction,
    caller: Principal,
    now: datetime,
    *,
    note: str | None,
    data: dict[str, Any] | None = None,
) -> None:
    """Take a step of the table."""
    target = STEPS[action].target
    if target is not None:
        hazard.state = target.value
    hazard.version += 1
    remember(session, hazard, action, caller.actor, now, note=note, data=data)


async def _tell_case(session: WriteSession, caller: Principal, hazard: Hazard, step: str) -> None:
    """Write into the history of a hazard's case what has become of the hazard."""
    if hazard.case_id is not None:
        told = OutsideStep(hazard.case_id, step, caller.actor, {"hazard_id": str(hazard.id)})
        await record_outside_steps(session, [told])
