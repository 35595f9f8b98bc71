"""Use cases of a mediation from its proposal to its last session.

It is voluntary: nothing begins before every party has agreed to it and to the mediator, and any party ends it at any
time. The mediator says to be related to nobody, and steps back when that is not so.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.intake.cases.locking import lock_case
from services.intake.cases.models import Case
from services.intake.cases.moving import Move, move
from services.intake.cases.problems import DueInThePast, WrongIdVersion
from services.intake.cases.repository import joiner_ids
from services.intake.cases.rules import IN_HAND
from services.intake.cases.service import let_go
from services.intake.cases.terms import State
from services.intake.mediation import repository
from services.intake.mediation.models import Mediation, MediationParty, MediationSession
from services.intake.mediation.problems import (
    MediatorIsRelated,
    ProofMissing,
    SessionIsOver,
    UnknownParty,
)
from services.intake.mediation.recording import facts_of, keep_proof, record, tell_all
from services.intake.mediation.rules import STEPS, is_ready, leads
from services.intake.mediation.schemas import (
    ConsentIn,
    JudgeIn,
    SessionEndIn,
    SessionIn,
    SpokenIn,
)
from services.intake.mediation.terms import MediationAction, MediationState, SessionState
from shared.auth import Principal
from shared.clock import CHINA, utc_now
from shared.db import WriteSession
from shared.ids import new_id
from shared.problems import Forbidden, IdTaken, NotFound
from shared.steps import check_step

__all__ = [
    "MEDIABLE",
    "UUID7",
    "At",
    "Spoken",
    "begin_mediation_step",
    "close_session",
    "consent",
    "declare",
    "end_without",
    "judge_mediator",
    "plan_session",
    "propose_mediator",
    "recuse",
    "speaking",
]

# A case that nobody has looked at yet is looked at first; one that is resolved or closed is opened again first.
MEDIABLE: Final = IN_HAND | {State.REOPENED}
UUID7: Final = 7


@dataclass(frozen=True, slots=True)
class At:
    """A mediation that somebody is about to change, locked together with its case."""

    mediation: Mediation
    case: Case


@dataclass(frozen=True, slots=True)
class Spoken:
    """Which party says something, and what shows that it did, when somebody else wrote it down."""

    party: MediationParty
    proof_id: UUID | None


async def begin_mediation_step(
    session: WriteSession, caller: Principal, mediation_id: UUID, action: MediationAction
) -> At:
    """Lock a mediation for a step, or refuse: unknown to the caller (404), not allowed (403), not now (409)."""
    seen = await repository.find_mediation(session, caller, mediation_id)
    case = await lock_case(session, None, seen.case_id) if seen is not None else None
    if seen is None or case is None:
        raise NotFound
    mediation = await repository.lock_mediation(session, mediation_id)
    check_step(STEPS, action, facts_of(mediation, await repository.parties_of(session, mediation_id)), caller)
    return At(mediation, case)


async def propose_mediator(session: WriteSession, caller: Principal, at: At, mediator_id: UUID) -> None:
    """Propose who leads the talks; all parties are asked anew.

    Raises:
        MediatorIsRelated: a party, the requester of the case, or a neighbour who joined it.
    """
    parties = await repository.parties_of(session, at.mediation.id)
    related = {party.person_id for party in parties} | {at.case.requester_id}
    if mediator_id in related | await joiner_ids(session, at.case.id):
        raise MediatorIsRelated(pointer="/mediator_id")
    await _without_mediator(session, at)
    at.mediation.mediator_id = mediator_id
    await record(
        session,
        at.mediation,
        MediationAction.PROPOSE_MEDIATOR,
        caller.actor,
        target=MediationState.PROPOSED,
        data={"mediator_id": str(mediator_id)},
    )
    await tell_all(session, at.case, at.mediation, "mediator_proposed", actor=caller.actor)


async def _without_mediator(session: WriteSession, at: At) -> None:
    at.mediation.mediator_id, at.mediation.declared = None, False
    for party in await repository.parties_of(session, at.mediation.id):
        party.accepts_mediator, party.accepts_proof_id = None, None


async def declare(session: WriteSession, caller: Principal, at: At, note: str | None) -> None:
    """Hear the mediator's word that nothing stands against it; without it the talks do not begin."""
    at.mediation.declared = True
    await record(session, at.mediation, MediationAction.DECLARE, caller.actor, note=note)
    await _begin_if_ready(session, at)


async def recuse(session: WriteSession, caller: Principal, at: At, reason: str) -> None:
    """Let the mediator step back 回避; another one is proposed, and all parties are asked anew."""
    data = {"mediator_id": str(at.mediation.mediator_id)}
    await _without_mediator(session, at)
    await record(
        session,
        at.mediation,
        MediationAction.RECUSE,
        caller.actor,
        target=MediationState.PROPOSED,
        note=reason,
        data=data,
    )
    await tell_all(session, at.case, at.mediation, "mediator_recused", actor=caller.actor, officers=True)


async def speaking(session: WriteSession, caller: Principal, at: At, wanted: SpokenIn) -> Spoken:
    """Return which party says something: the caller, or one whose word whoever leads writes down with a proof.

    Raises:
        UnknownParty: no such party, or the caller is none and names none.
        ProofMissing: a word that was written down for somebody is shown by nothing.
        Forbidden: a party does not speak for another.
    """
    parties = await repository.parties_of(session, at.mediation.id)
    own = next((party for party in parties if party.person_id == caller.subject_id), None)
    if wanted.party_id is None or (own is not None and own.id == wanted.party_id):
        if own is None:
            raise UnknownParty(pointer="/party_id")
        return Spoken(own, await keep_proof(session, caller, at.mediation, wanted.proof_id))
    denial = leads(facts_of(at.mediation, parties), caller)
    if denial is not None:
        raise Forbidden(denial.detail, rule=denial.rule)
    named = next((party for party in parties if party.id == wanted.party_id), None)
    if named is None:
        raise UnknownParty(pointer="/party_id")
    proof_id = await keep_proof(session, caller, at.mediation, wanted.proof_id)
    if proof_id is None:
        raise ProofMissing(pointer="/proof_id")
    return Spoken(named, proof_id)


async def consent(session: WriteSession, caller: Principal, at: At, wanted: ConsentIn) -> None:
    """Hear whether a party wants to be mediated. Nobody is made to: a refusal ends it (art. 17)."""
    said = await speaking(session, caller, at, wanted)
    said.party.consents, said.party.consent_proof_id = wanted.agrees, said.proof_id
    said.party.consented_at = utc_now()
    data = {"party_id": str(said.party.id), "agrees": wanted.agrees}
    await record(session, at.mediation, MediationAction.CONSENT, caller.actor, note=wanted.note, data=data)
    if not wanted.agrees:
        await end_without(session, caller, at, MediationAction.WITHDRAW, None, by=said.party.id)
        return
    await _begin_if_ready(session, at)


async def judge_mediator(session: WriteSession, caller: Principal, at: At, wanted: JudgeIn) -> None:
    """Hear whether a party accepts the mediator. One who does not, at any time, has another one proposed."""
    said = await speaking(session, caller, at, wanted)
    said.party.accepts_mediator, said.party.accepts_proof_id = wanted.accepts, said.proof_id
    data = {"party_id": str(said.party.id), "accepts": wanted.accepts}
    target = None
    if not wanted.accepts:
        data["mediator_id"] = str(at.mediation.mediator_id)
        await _without_mediator(session, at)
        target = MediationState.PROPOSED
    step = MediationAction.JUDGE_MEDIATOR
    await record(session, at.mediation, step, caller.actor, target=target, note=wanted.reason, data=data)
    if not wanted.accepts:
        await tell_all(session, at.case, at.mediation, "mediator_recused", actor=caller.actor, officers=True)
        return
    await _begin_if_ready(session, at)


async def _begin_if_ready(session: WriteSession, at: At) -> None:
    """Let the talks begin as soon as nobody's word is missing."""
    if at.mediation.state != MediationState.PROPOSED:
        return
    parties = await repository.parties_of(session, at.mediation.id)
    answers = [(party.consents, party.accepts_mediator) for party in parties]
    if is_ready(answers, declared=at.mediation.declared):
        await record(session, at.mediation, "begin", "system", target=MediationState.UNDER_WAY)
        await tell_all(session, at.case, at.mediation, "mediation_begun")


async def plan_session(session: WriteSession, caller: Principal, at: At, wanted: SessionIn) -> MediationSession:
    """Set a time and a place.

    Raises:
        DueInThePast: the time has passed.
        IdTaken: the id names a session, here or elsewhere.
        WrongIdVersion: it is no UUIDv7.
    """
    if wanted.planned_for <= utc_now():
        raise DueInThePast(pointer="/planned_for")
    if wanted.id is not None and wanted.id.version != UUID7:
        raise WrongIdVersion(pointer="/id")
    if wanted.id is not None and await repository.session_exists(session, wanted.id):
        raise IdTaken(pointer="/id")
    row = MediationSession(
        tenant_id=session.tenant,
        id=wanted.id or new_id(),
        mediation_id=at.mediation.id,
        planned_for=wanted.planned_for,
        place=wanted.place,
        state=SessionState.PLANNED.value,
        planned_by=caller.actor,
    )
    session.add(row)
    await session.flush()
    data = {"session_id": str(row.id), "planned_for": wanted.planned_for.isoformat()}
    await record(session, at.mediation, MediationAction.PLAN_SESSION, caller.actor, data=data)
    when = _minute(wanted.planned_for)
    await tell_all(session, at.case, at.mediation, "mediation_session", actor=caller.actor, when=when)
    return row


def _minute(at: datetime) -> str:
    return at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


async def close_session(
    session: WriteSession, caller: Principal, at: At, session_id: UUID, wanted: SessionEndIn
) -> None:
    """Write down what became of a session. An adjourned one was held too, and goes on in the next.

    Raises:
        NotFound: no such session here.
        SessionIsOver: somebody has written it down.
    """
    row = await repository.lock_session(session, at.mediation.id, session_id)
    if row is None:
        raise NotFound
    if row.state != SessionState.PLANNED:
        raise SessionIsOver
    row.state, row.note = wanted.state.value, wanted.note
    row.closed_by, row.closed_at = caller.actor, utc_now()
    if wanted.state is not SessionState.CANCELLED:
        at.mediation.sessions_held += 1
    data = {"session_id": str(row.id), "state": row.state}
    await record(session, at.mediation, MediationAction.CLOSE_SESSION, caller.actor, data=data)
    if wanted.state is SessionState.CANCELLED:
        when = _minute(row.planned_for)
        await tell_all(session, at.case, at.mediation, "mediation_session_off", actor=caller.actor, when=when)


async def end_without(
    session: WriteSession,
    caller: Principal,
    at: At,
    action: MediationAction,
    words: str | None,
    *,
    by: UUID | None = None,
) -> None:
    """End a mediation without an agreement, and put its case back to whoever assigns it.

    Why it failed is told to the parties and stands in the case's history as advice (art. 26: they are told of the other
    ways); why a party withdrew stays in the room.
    """
    has_failed = action is MediationAction.FAIL
    at.mediation.advice = words if has_failed else None
    who = {"party_id": str(by)} if by is not None else {}
    await record(session, at.mediation, action, caller.actor, target=STEPS[action].target, note=words, data=who)
    kind = "mediation_failed" if has_failed else "mediation_withdrawn"
    data = {"mediation_id": str(at.mediation.id)}
    target = None
    if at.case.state in IN_HAND:
        data |= {"left_unit": str(at.case.unit_id)} if at.case.unit_id else {}
        let_go(at.case)
        target = State.TRIAGED
    # Whoever withdraws stays unnamed in the history of the case.
    actor = caller.actor if has_failed else "system"
    await move(session, at.case, Move(kind, actor, target, note=at.mediation.advice, data=data))
    note = (words or "")[:100] if has_failed else ""
    await tell_all(session, at.case, at.mediation, kind, actor=caller.actor, officers=True, note=note)
