"""Use cases of a case. Each changes the case, writes its step and tells the others in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.intake.attachments.service import attach
from services.intake.cases import repository
from services.intake.cases.models import Case, CaseStep
from services.intake.cases.problems import DueInThePast, ProofRequired, UnknownUnit
from services.intake.cases.rules import (
    STEPS,
    Action,
    CaseFacts,
    Criteria,
    Level,
    Outcome,
    State,
    lives_near,
    triage,
)
from services.intake.cases.schemas import AssignIn, ClaimIn, FeedbackIn, NeedIn, ResolveIn, TriageIn
from services.intake.models import reference
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.contracts.intake import CaseClaimed, CaseClosed, CaseNeedRaised, CaseResolved, CaseTriaged
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import Forbidden, NotFound
from shared.reference import find_unit
from shared.steps import NextAction, check_step, next_actions

__all__ = [
    "CaseView",
    "OutsideStep",
    "accept_case",
    "assign_case",
    "can_see_case",
    "claim_case",
    "give_feedback",
    "join_open_case",
    "knows_requester",
    "note_progress",
    "raise_need",
    "record_outside_steps",
    "resolve_case",
    "triage_case",
    "view_case",
]


@dataclass(frozen=True, slots=True)
class OutsideStep:
    """What another service did about a case."""

    case_id: UUID
    step: str
    actor: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with what its representation needs beside the row."""

    case: Case
    joiners: int
    attachment_ids: list[UUID]
    next_actions: list[NextAction]
    shows_requester: bool


def facts_of(case: Case, *, is_joined: bool) -> CaseFacts:
    """Return what the rules know of a case."""
    return CaseFacts(
        state=State(case.state),
        area_path=case.area_path,
        requester_id=case.requester_id,
        level=Level(case.level) if case.level else None,
        unit_id=case.unit_id,
        is_joined=is_joined,
    )


async def view_case(session: Session, caller: Principal, case: Case) -> CaseView:
    """Gather what the caller may see of a case."""
    is_joined = await repository.is_joined(session, case.id, caller.subject_id)
    return CaseView(
        case=case,
        joiners=await repository.count_joiners(session, case.id),
        attachment_ids=list(await repository.attachment_ids(session, case.id)),
        next_actions=next_actions(STEPS, facts_of(case, is_joined=is_joined), caller),
        shows_requester=knows_requester(caller, case),
    )


def knows_requester(caller: Principal, case: Case) -> bool:
    """Tell whether the caller may know who raised a case: the area's staff and the requester, nobody else."""
    return case.requester_id == caller.subject_id or caller.has(*repository.SEES_BELOW, at=case.area_path)


async def can_see_case(session: Session, caller: Principal, case_id: UUID) -> bool:
    """Tell whether the caller may see a case."""
    return await repository.find_case(session, caller, case_id) is not None


async def begin_step(session: WriteSession, caller: Principal, case_id: UUID, action: Action) -> Case:
    """Lock a case for a step, or refuse: invisible (404), not allowed (403), not now (409)."""
    case = await repository.lock_case(session, caller, case_id)
    if case is None:
        raise NotFound
    facts = facts_of(case, is_joined=await repository.is_joined(session, case.id, caller.subject_id))
    check_step(STEPS, action, facts, caller)
    return case


def _step(
    session: WriteSession,
    case: Case,
    *,
    step: str,
    actor: str,
    target: State | None = None,
    note: str | None = None,
    data: dict[str, Any] | None = None,
) -> datetime:
    """Move the case and write the step; returns when."""
    now = utc_now()
    before = case.state
    case.state = target.value if target is not None else case.state
    case.updated_at = now
    case.version += 1
    row = CaseStep(
        tenant_id=session.tenant,
        case_id=case.id,
        position=case.version,
        step=step,
        from_state=before,
        to_state=case.state,
        actor=actor,
        note=note,
        data=data or {},
        at=now,
    )
    session.add(row)
    return now


def _subject(case: Case) -> str:
    return f"case/{case.id}"


async def accept_case(session: WriteSession, caller: Principal, case: Case, note: str | None) -> None:
    """Take a case in: somebody of the area has seen it."""
    _step(session, case, step=Action.ACCEPT, actor=caller.actor, target=State.ACCEPTED, note=note)


async def triage_case(session: WriteSession, caller: Principal, case: Case, wanted: TriageIn) -> None:
    """Give a case its level by scored criteria; an override needs an officer and a reason; the score stays."""
    criteria = Criteria(
        owner_is_clear=wanted.owner_is_clear,
        crosses_boundary=wanted.crosses_boundary,
        households=wanted.households,
        cost_fen=wanted.cost_fen,
        departments=wanted.departments,
    )
    scored, reasons = triage(criteria)
    level = scored
    if wanted.override is not None:
        caller.must(Role.OFFICER, Role.SECRETARY, at=case.area_path, rule="officers_override_triage")
        level = wanted.override.level
    case.level = level.value
    case.triage = {
        "points": sum(reason.points for reason in reasons),
        "scored_level": scored.value,
        "reasons": [
            {"code": r.code, "points": r.points, "detail_zh": r.detail.zh, "detail_en": r.detail.en} for r in reasons
        ],
        "override_reason": wanted.override.reason if wanted.override else None,
    }
    _step(
        session, case, step=Action.TRIAGE, actor=caller.actor, target=State.TRIAGED, data=case.triage | {"level": level}
    )
    told = CaseTriaged(case_id=case.id, level=level.value, reasons=[reason.code for reason in reasons])
    await publish(session, _subject(case), told)


async def assign_case(session: WriteSession, caller: Principal, case: Case, wanted: AssignIn) -> None:
    """Hand a case to a unit."""
    unit = await find_unit(session, reference, wanted.unit_id)
    if unit is None or not unit.active:
        raise UnknownUnit(pointer="/unit_id")
    case.unit_id, case.claimed_by, case.due_at = unit.id, None, None
    data = {"unit_id": str(unit.id), "unit": unit.name}
    _step(session, case, step=Action.ASSIGN, actor=caller.actor, target=State.ASSIGNED, note=wanted.note, data=data)


async def claim_case(session: WriteSession, caller: Principal, case: Case, wanted: ClaimIn) -> None:
    """Take a case for one of the caller's units, until a due time."""
    if wanted.unit_id not in caller.units(Role.UNIT_STAFF):
        raise Forbidden(rule="claims_for_own_unit")
    if case.unit_id not in (None, wanted.unit_id):
        raise Forbidden(rule="assigned_to_another_unit")
    unit = await find_unit(session, reference, wanted.unit_id)
    if unit is None or not unit.active:
        raise UnknownUnit(pointer="/unit_id")
    if wanted.due_at <= utc_now():
        raise DueInThePast(pointer="/due_at")
    case.unit_id, case.claimed_by, case.due_at = unit.id, caller.subject_id, wanted.due_at
    data = {"unit_id": str(unit.id), "unit": unit.name, "due_at": wanted.due_at.isoformat()}
    _step(session, case, step=Action.CLAIM, actor=caller.actor, target=State.CLAIMED, note=wanted.note, data=data)
    await publish(session, _subject(case), CaseClaimed(case_id=case.id, unit_id=unit.id, due_at=wanted.due_at))


async def note_progress(session: WriteSession, caller: Principal, case: Case, note: str) -> None:
    """Tell everybody concerned what is being done."""
    _step(session, case, step=Action.PROGRESS, actor=caller.actor, note=note)


async def resolve_case(session: WriteSession, caller: Principal, case: Case, wanted: ResolveIn) -> None:
    """Say that it is done, with the proof that the category demands."""
    if not wanted.attachment_ids and await repository.needs_proof(session, case.category):
        raise ProofRequired(pointer="/attachment_ids")
    await attach(session, caller, wanted.attachment_ids, case_id=case.id, purpose="proof")
    data = {"attachment_ids": [str(item) for item in wanted.attachment_ids]}
    now = _step(
        session, case, step=Action.RESOLVE, actor=caller.actor, target=State.RESOLVED, note=wanted.note, data=data
    )
    await publish(session, _subject(case), CaseResolved(case_id=case.id, resolved_at=now))


async def give_feedback(session: WriteSession, caller: Principal, case: Case, wanted: FeedbackIn) -> None:
    """Hear the requester: solved closes the case, not solved opens it again."""
    is_solved = wanted.answer == "solved"
    case.outcome = (Outcome.SATISFIED if is_solved else Outcome.NOT_SATISFIED).value
    target = State.CLOSED if is_solved else State.REOPENED
    if not is_solved:
        case.unit_id, case.claimed_by, case.due_at = None, None, None
    data = {"answer": wanted.answer}
    now = _step(session, case, step=Action.FEEDBACK, actor=caller.actor, target=target, note=wanted.comment, data=data)
    if is_solved:
        await publish(session, _subject(case), CaseClosed(case_id=case.id, outcome=case.outcome, closed_at=now))


async def join_open_case(session: WriteSession, caller: Principal, case_id: UUID) -> Case:
    """Add a neighbour whom the same trouble concerns.

    A case is not visible to neighbours before they join it: word of it reaches them from mouth to mouth. For whoever
    lives elsewhere it does not exist.
    """
    case = await repository.lock_case(session, None, case_id)
    if case is None or caller.subject_id is None or not lives_near(caller, case.area_path):
        raise NotFound
    facts = facts_of(case, is_joined=await repository.is_joined(session, case.id, caller.subject_id))
    check_step(STEPS, Action.JOIN, facts, caller)
    await repository.add_joiner(session, case.id, caller.subject_id, utc_now())
    _step(session, case, step=Action.JOIN, actor=caller.actor)
    return case


async def raise_need(session: WriteSession, caller: Principal, case: Case, wanted: NeedIn) -> UUID:
    """State what a case needs; the demand list gets it by an event. Returns the need's id."""
    need_id = new_id()
    data = {"need_id": str(need_id), "category": wanted.category, "summary": wanted.summary}
    _step(session, case, step=Action.NEEDS, actor=caller.actor, data=data)
    told = CaseNeedRaised(
        case_id=case.id,
        need_id=need_id,
        category=wanted.category,
        summary=wanted.summary,
        area_id=case.area_id,
        area_path=case.area_path,
        quantity=wanted.quantity,
        urgent=wanted.urgent,
    )
    await publish(session, _subject(case), told)
    return need_id


async def record_outside_steps(session: WriteSession, steps: Sequence[OutsideStep]) -> None:
    """Write into the histories of cases what another service did about them, however many there are."""
    cases = await repository.lock_cases(session, {step.case_id for step in steps})
    for step in steps:
        case = cases.get(step.case_id)
        if case is not None:
            _step(session, case, step=step.step, actor=step.actor, data=step.data)
