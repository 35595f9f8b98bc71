"""Use cases of a case. Each changes the case, writes its step and tells the others in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.intake.attachments.service import attach
from services.intake.cases import repository
from services.intake.cases.guards import lives_near
from services.intake.cases.locking import in_hand, lock_case, lock_cases
from services.intake.cases.models import Case
from services.intake.cases.moving import Move, move, subject_of
from services.intake.cases.problems import (
    NotAJoiner,
    PauseQuotaUsed,
    PauseTooLate,
    ProofRequired,
    SameUnit,
    TooManyRepresentatives,
    UnknownPauseReason,
    UnknownUnit,
)
from services.intake.cases.schemas import (
    AssignIn,
    ChangeLevelIn,
    HandOnIn,
    NeedIn,
    PauseIn,
    ResolveIn,
    TriageIn,
)
from services.intake.cases.telling import told_of
from services.intake.cases.terms import Action, Level, Outcome, State
from services.intake.cases.triage import RAISED_AT, Criteria, highest, triage
from services.intake.cases.viewing import check_case_step
from services.intake.clocks.rules import ClockKind
from services.intake.handling.service import handling_of
from services.intake.notifications.service import tell
from services.intake.routing.service import proposed_unit
from shared.auth import Principal, Role
from shared.clock import utc_now
from shared.contracts.intake import CaseClosed, CaseNeedRaised, CaseResolved, CaseTriaged
from shared.db import WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import NotFound

__all__ = [
    "OutsideStep",
    "accept_case",
    "active_unit",
    "assign_case",
    "change_level",
    "close_case",
    "count_joiners",
    "hand_on",
    "join_open_case",
    "leave_case",
    "let_go",
    "pause_clock",
    "raise_need",
    "record_outside_steps",
    "represent",
    "resolve_case",
    "resume_clock",
    "say",
    "triage_case",
]


@dataclass(frozen=True, slots=True)
class OutsideStep:
    """What another service, or another subject, did about a case."""

    case_id: UUID
    step: str
    actor: str
    data: dict[str, Any]


async def accept_case(session: WriteSession, caller: Principal, case: Case, note: str | None) -> None:
    """Take a case in: somebody of the area has seen it."""
    await move(session, case, Move(Action.ACCEPT, caller.actor, State.ACCEPTED, note=note))


async def close_case(
    session: WriteSession, case: Case, *, actor: str, step: str, outcome: Outcome, note: str | None = None
) -> None:
    """End a case, whatever came of it, and tell everybody."""
    now = await move(session, case, Move(step, actor, State.CLOSED, outcome, note=note))
    await publish(session, subject_of(case), CaseClosed(case_id=case.id, outcome=outcome.value, closed_at=now))


async def triage_case(session: WriteSession, caller: Principal, case: Case, wanted: TriageIn) -> None:
    """Give a case its level by scored criteria; an override needs an officer and a reason; the score stays.

    What was raised because it was not solved again, or handed on too often, is not scored down.
    """
    criteria = Criteria(
        owner_is_clear=wanted.owner_is_clear,
        crosses_boundary=wanted.crosses_boundary,
        households=wanted.households,
        cost_fen=wanted.cost_fen,
        departments=wanted.departments,
    )
    scored, reasons = triage(criteria)
    level = scored
    if case.level is not None and await _is_raised(session, case):
        level = highest(scored, Level(case.level))
    if wanted.override is not None:
        caller.must(Role.OFFICER, Role.SECRETARY, at=case.area_path, rule="officers_override_triage")
        level = wanted.override.level
    decision = await proposed_unit(session, case.area_path, case.category, level)
    case.level = level.value
    case.triage = {
        "points": sum(reason.points for reason in reasons),
        "scored_level": scored.value,
        "reasons": [
            {"code": r.code, "points": r.points, "detail_zh": r.detail.zh, "detail_en": r.detail.en} for r in reasons
        ],
        "override_reason": wanted.override.reason if wanted.override else None,
        "proposed_unit_id": str(decision.unit_id) if decision is not None else None,
    }
    data = case.triage | {"level": level.value}
    await move(session, case, Move(Action.TRIAGE, caller.actor, State.TRIAGED, data=data))
    told = CaseTriaged(case_id=case.id, level=level.value, reasons=[reason.code for reason in reasons])
    await publish(session, subject_of(case), told)
    # A joint meeting chooses by itself, whatever the rules say.
    if decision is not None and decision.auto and level is not Level.JOINT:
        unit_id, name = await active_unit(session, decision.unit_id)
        case.unit_id = unit_id
        data = {"unit_id": str(unit_id), "unit": name, "left_unit": None, "by_rule": True}
        await move(session, case, Move(Action.ASSIGN, "system", State.ASSIGNED, note=decision.note, data=data))


async def _is_raised(session: WriteSession, case: Case) -> bool:
    """Tell whether the level of a case comes of what happened to it, and not of a score."""
    handling = await handling_of(session)
    return case.reopened >= RAISED_AT or case.hand_overs >= handling.rules.hand_overs_max


def let_go(case: Case) -> None:
    """Take a case out of whosever hands it is in."""
    case.unit_id, case.claimed_by, case.due_at = None, None, None


async def change_level(session: WriteSession, caller: Principal, case: Case, wanted: ChangeLevelIn) -> None:
    """Send a case up to the council or the joint meeting, or back down, with a reason."""
    data = {"from_level": case.level, "level": wanted.level.value, "left_unit": _id(case.unit_id)}
    case.level = wanted.level.value
    let_go(case)
    await move(session, case, Move(Action.CHANGE_LEVEL, caller.actor, State.TRIAGED, note=wanted.reason, data=data))
    await publish(session, subject_of(case), CaseTriaged(case_id=case.id, level=case.level, reasons=["level_changed"]))


def _id(value: UUID | None) -> str | None:
    return str(value) if value is not None else None


async def active_unit(session: WriteSession, unit_id: UUID, pointer: str = "/unit_id") -> tuple[UUID, str]:
    """Return the id and name of a unit that exists and is active.

    Raises:
        UnknownUnit: there is none.
    """
    name = await repository.name_of_active_unit(session, unit_id)
    if name is None:
        raise UnknownUnit(pointer=pointer)
    return unit_id, name


async def assign_case(session: WriteSession, caller: Principal, case: Case, wanted: AssignIn) -> None:
    """Hand a case to a unit."""
    unit_id, name = await active_unit(session, wanted.unit_id)
    left = case.unit_id if case.unit_id != unit_id else None
    case.unit_id, case.claimed_by, case.due_at = unit_id, None, None
    data = {"unit_id": str(unit_id), "unit": name, "left_unit": _id(left)}
    await move(session, case, Move(Action.ASSIGN, caller.actor, State.ASSIGNED, note=wanted.note, data=data))


async def hand_on(session: WriteSession, caller: Principal, case: Case, wanted: HandOnIn) -> None:
    """Hand a case on, saying why: to another unit, or back. After too many times a joint meeting is forced."""
    handling = await handling_of(session)
    left = case.unit_id
    if wanted.unit_id is not None and wanted.unit_id == left:
        raise SameUnit(pointer="/unit_id")
    receiver = await active_unit(session, wanted.unit_id) if wanted.unit_id is not None else None
    case.hand_overs += 1
    data: dict[str, Any] = {"left_unit": _id(left), "hand_overs": case.hand_overs}
    is_forced = case.hand_overs >= handling.rules.hand_overs_max
    if receiver is not None and not is_forced:
        case.unit_id, name = receiver
        case.claimed_by, case.due_at = None, None
        data |= {"unit_id": str(case.unit_id), "unit": name}
        target = State.ASSIGNED
    else:
        let_go(case)
        target = State.TRIAGED
    if receiver is not None and is_forced:
        data |= {"wanted_unit": str(receiver[0])}
    await move(session, case, Move(Action.HAND_ON, caller.actor, target, note=wanted.reason, data=data))
    if is_forced and case.level != Level.JOINT:
        data = {"from_level": case.level, "level": Level.JOINT.value, "hand_overs": case.hand_overs}
        case.level = Level.JOINT.value
        await move(session, case, Move("forced_joint", "system", State.TRIAGED, data=data))
        told = CaseTriaged(case_id=case.id, level=case.level, reasons=["handed_on_too_often"])
        await publish(session, subject_of(case), told)


async def say(session: WriteSession, caller: Principal, case: Case, action: Action, note: str) -> None:
    """Write a word into the history: what is being done, an answer to the requester, or a comment."""
    is_neighbour = action is Action.COMMENT and caller.subject_id != case.requester_id
    is_neighbour = is_neighbour and await repository.is_joined(session, case.id, caller.subject_id)
    data = {"by": "neighbour"} if is_neighbour else {}
    await move(session, case, Move(action, caller.actor, note=note, data=data))


async def pause_clock(session: WriteSession, caller: Principal, case: Case, wanted: PauseIn) -> None:
    """Let the time of solving stand still for a reason that the tenant knows, as often and long as its quota allows.

    Raises:
        UnknownPauseReason: no such reason.
        PauseQuotaUsed: it has stood still often or long enough.
        PauseTooLate: the time is over already; a pause does not take that back.
    """
    handling = await handling_of(session)
    if all(reason.code != wanted.reason for reason in handling.rules.pause_reasons):
        raise UnknownPauseReason(pointer="/reason")
    now = utc_now()
    clocks = in_hand(session, case).clocks
    times, minutes = clocks.spent_pauses(now, handling)
    if times >= handling.rules.pauses_max or minutes >= handling.rules.pause_minutes_max:
        raise PauseQuotaUsed(times=times, minutes=minutes)
    if any(clock.clock is ClockKind.RESOLVE and clock.left_s <= 0 for clock in clocks.view(now, handling)):
        raise PauseTooLate
    case.paused_reason = wanted.reason
    wanted_move = Move(
        Action.PAUSE, caller.actor, note=wanted.note, data={"reason": wanted.reason}, reason=wanted.reason
    )
    await move(session, case, wanted_move)


async def resume_clock(session: WriteSession, actor: str, case: Case, note: str | None) -> None:
    """Let the time count again; the house itself does so when a pause has lasted as long as it may."""
    data = {"reason": case.paused_reason} if case.paused_reason is not None else {}
    case.paused_reason = None
    await move(session, case, Move(Action.RESUME, actor, note=note, data=data))


async def resolve_case(session: WriteSession, caller: Principal, case: Case, wanted: ResolveIn) -> None:
    """Say that it is done, with the proof that the category demands."""
    file = in_hand(session, case)
    if not wanted.attachment_ids and file.needs_proof:
        raise ProofRequired(pointer="/attachment_ids")
    if wanted.attachment_ids:
        await attach(session, caller, wanted.attachment_ids, case_id=case.id, purpose="proof")
        file.attachment_ids = None
    data: dict[str, Any] = {"attachment_ids": [str(item) for item in wanted.attachment_ids]}
    if wanted.public_note is not None:
        data["public_note"] = wanted.public_note
    now = await move(session, case, Move(Action.RESOLVE, caller.actor, State.RESOLVED, note=wanted.note, data=data))
    await publish(session, subject_of(case), CaseResolved(case_id=case.id, resolved_at=now))


async def join_open_case(session: WriteSession, caller: Principal, case_id: UUID) -> Case:
    """Add a neighbour whom the same trouble concerns; enough of them make it a collective case.

    A case is not visible to neighbours before they join it: word of it reaches them from mouth to mouth, or when they
    are about to file the same. For whoever lives elsewhere it does not exist.
    """
    case = await lock_case(session, None, case_id)
    if case is None or caller.subject_id is None or not lives_near(caller, case.area_path):
        raise NotFound
    await check_case_step(session, caller, case, Action.JOIN)
    await repository.add_joiners(session, case.id, [caller.subject_id], utc_now(), via=None)
    grown = await count_joiners(session, case)
    await move(session, case, Move(Action.JOIN, caller.actor, data={"joiners": case.joiners} | grown))
    return case


async def count_joiners(session: WriteSession, case: Case) -> dict[str, bool]:
    """Write down how many have joined, and whether that makes the case a collective one. It stays one.

    Returns:
        What the step says of it: nothing, or that the case has become a collective one.
    """
    handling = await handling_of(session)
    was_collective = case.collective
    case.joiners = await repository.count_joiners(session, case.id)
    case.collective = was_collective or case.joiners + 1 >= handling.rules.collective_from
    return {"became_collective": True} if case.collective and not was_collective else {}


async def leave_case(session: WriteSession, caller: Principal, case: Case) -> None:
    """Let a neighbour go, and with them what they represented."""
    if caller.subject_id is None:
        raise NotFound
    await repository.remove_joiners(session, case.id, [caller.subject_id])
    case.representatives = [person for person in case.representatives if person != caller.subject_id]
    await count_joiners(session, case)
    await move(session, case, Move(Action.LEAVE, caller.actor, data={"joiners": case.joiners}))


async def represent(session: WriteSession, caller: Principal, case: Case, people: Sequence[UUID]) -> None:
    """Name who speaks for a collective case beside the requester.

    Raises:
        TooManyRepresentatives: more than the tenant's rules allow (by default five, as in the regulation on letters
            and visits).
        NotAJoiner: somebody has not joined.
    """
    handling = await handling_of(session)
    if len(people) > handling.rules.representatives_max:
        raise TooManyRepresentatives(most=handling.rules.representatives_max)
    joined = await repository.joiner_ids(session, case.id)
    for place, person in enumerate(people):
        if person not in joined:
            raise NotAJoiner(pointer=f"/person_ids/{place}")
    case.representatives = list(people)
    await move(session, case, Move(Action.REPRESENT, caller.actor, data={"representatives": len(people)}))


async def raise_need(session: WriteSession, caller: Principal, case: Case, wanted: NeedIn) -> UUID:
    """State what a case needs; the demand list gets it by an event. Returns the need's id."""
    need_id = new_id()
    data = {"need_id": str(need_id), "category": wanted.category, "summary": wanted.summary}
    await move(session, case, Move(Action.NEEDS, caller.actor, data=data))
    told = CaseNeedRaised(
        case_id=case.id,
        need_id=need_id,
        category=wanted.category,
        summary=wanted.summary,
        area_id=case.area_id,
        area_path=case.area_path,
        quantity=wanted.quantity,
        urgent=wanted.urgent,
        latitude=_about(case.latitude),
        longitude=_about(case.longitude),
    )
    await publish(session, subject_of(case), told)
    return need_id


def _about(degrees: float | None) -> float | None:
    """Return a coordinate that tells the neighbourhood and no house: within some hundred metres."""
    return None if degrees is None else round(degrees, 3)


async def record_outside_steps(session: WriteSession, steps: Sequence[OutsideStep]) -> None:
    """Write into the histories of cases what was done about them elsewhere, however many there are."""
    cases = await lock_cases(session, {step.case_id for step in steps})
    tolds = []
    for step in steps:
        case = cases.get(step.case_id)
        if case is not None:
            taken = Move(step.step, step.actor, data=step.data)
            await move(session, case, taken, tells=False)
            tolds += await told_of(session, case, taken)
    await tell(session, *tolds)
