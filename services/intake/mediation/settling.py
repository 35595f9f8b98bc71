"""Use cases of an agreement: its text, the signatures, what it does to the case, and whether it is kept."""

from datetime import date, datetime
from uuid import UUID

from services.intake.calendar.rules import DayKind
from services.intake.cases.locking import lock_case_if_free
from services.intake.cases.models import Case
from services.intake.cases.moving import Move, move, subject_of
from services.intake.cases.problems import DueInThePast
from services.intake.cases.terms import Action, Outcome, State
from services.intake.handling.service import handling_of
from services.intake.mediation import repository
from services.intake.mediation.models import (
    Mediation,
    MediationAgreement,
    MediationSignature,
    MediationTerm,
)
from services.intake.mediation.problems import (
    NotDueYet,
    OtherRevision,
    SignedAlready,
    TermIsSettled,
    TooLateForCourt,
    UnknownParty,
)
from services.intake.mediation.recording import keep_proof, record, tell_all
from services.intake.mediation.rules import REMIND_BEFORE, Told, confirm_until, is_fulfilled, to_be_told
from services.intake.mediation.schemas import (
    AgreementIn,
    ApplicationIn,
    BreachIn,
    DeclineDraftIn,
    PerformIn,
    RulingIn,
    SignIn,
    TermIn,
)
from services.intake.mediation.service import MEDIABLE, At, speaking
from services.intake.mediation.terms import Confirmation, MediationAction, MediationState, TermState
from services.intake.verdicts.service import open_again
from shared.auth import Principal
from shared.clock import CHINA, today, utc_now
from shared.contracts.intake import CaseResolved
from shared.db import Session, WriteSession
from shared.ids import new_id
from shared.messaging import publish
from shared.problems import Forbidden, NotFound

__all__ = [
    "apply_to_court",
    "decline_draft",
    "draft",
    "find_due",
    "perform",
    "record_breach",
    "record_ruling",
    "remind",
    "sign",
]

# What an agreement does not take back.
_FINAL = frozenset({Outcome.WITHDRAWN.value, Outcome.MERGED.value, Outcome.DECLINED.value})


async def draft(session: WriteSession, caller: Principal, at: At, wanted: AgreementIn) -> None:
    """Put a text before the parties; whatever was signed before was another text.

    Raises:
        UnknownParty: a debtor is no party.
        DueInThePast: an obligation would have been due before today.
    """
    parties = {party.id for party in await repository.parties_of(session, at.mediation.id)}
    for place, term in enumerate(wanted.terms):
        if term.debtor_id not in parties:
            raise UnknownParty(pointer=f"/terms/{place}/debtor_id")
        if term.due_on < today():
            raise DueInThePast(pointer=f"/terms/{place}/due_on")
    at.mediation.revision += 1
    row = MediationAgreement(
        tenant_id=session.tenant,
        mediation_id=at.mediation.id,
        revision=at.mediation.revision,
        form=wanted.form.value,
        facts=wanted.facts,
        content=wanted.content,
        drafted_by=caller.actor,
        drafted_at=utc_now(),
    )
    session.add(row)
    await session.flush()
    session.add_all(_term(at.mediation, term, place) for place, term in enumerate(wanted.terms, 1))
    data = {"revision": at.mediation.revision}
    await record(session, at.mediation, MediationAction.DRAFT, caller.actor, target=MediationState.DRAFTED, data=data)
    await tell_all(session, at.case, at.mediation, "mediation_drafted", actor=caller.actor)


def _term(mediation: Mediation, wanted: TermIn, position: int) -> MediationTerm:
    return MediationTerm(
        tenant_id=mediation.tenant_id,
        id=new_id(),
        mediation_id=mediation.id,
        revision=mediation.revision,
        position=position,
        debtor_id=wanted.debtor_id,
        text=wanted.text,
        amount_fen=wanted.amount_fen,
        due_on=wanted.due_on,
        state=TermState.DUE.value,
        told=Told.NOTHING,
    )


def _is_this_text(at: At, revision: int) -> None:
    if revision != at.mediation.revision:
        raise OtherRevision(revision=at.mediation.revision)


async def sign(session: WriteSession, caller: Principal, at: At, wanted: SignIn) -> None:
    """Sign the newest text, by one's own account or on paper as the proof shows; the last signature gives it effect.

    The mediator has signed by putting the text before the parties (art. 29).

    Raises:
        OtherRevision: the text is another by now.
        SignedAlready: it is signed by this party.
    """
    _is_this_text(at, wanted.revision)
    said = await speaking(session, caller, at, wanted)
    signed = {one.party_id for one in await repository.signatures_of(session, at.mediation)}
    if said.party.id in signed:
        raise SignedAlready
    row = MediationSignature(
        tenant_id=session.tenant,
        mediation_id=at.mediation.id,
        revision=wanted.revision,
        party_id=said.party.id,
        signed_by=caller.actor,
        proof_id=said.proof_id,
        at=utc_now(),
    )
    session.add(row)
    data = {"party_id": str(said.party.id), "revision": wanted.revision}
    await record(session, at.mediation, MediationAction.SIGN, caller.actor, data=data)
    parties = await repository.parties_of(session, at.mediation.id)
    if {party.id for party in parties} == signed | {said.party.id}:
        await _take_effect(session, at)


async def _take_effect(session: WriteSession, at: At) -> None:
    """Let an agreement hold from the moment at which nobody's signature is missing, and let it resolve its case."""
    terms = await repository.terms_of(session, at.mediation)
    now = await record(session, at.mediation, "take_effect", "system", target=MediationState.IN_EFFECT)
    calendar = (await handling_of(session)).calendar
    effective_on = now.astimezone(CHINA).date()
    last = confirm_until(effective_on, lambda day: calendar.kind_of(day) is DayKind.WORKDAY)
    at.mediation.confirm_until = last
    await _resolve_case(session, at)
    await tell_all(session, at.case, at.mediation, "mediation_in_effect", officers=True, due_on=last.isoformat())
    if not terms:
        await record(session, at.mediation, "fulfil", "system", target=MediationState.FULFILLED)


async def _resolve_case(session: WriteSession, at: At) -> None:
    """Say of the case that it is done: the requester is asked next. One that went another way meanwhile stays there.

    Under an agreement stand the signatures of all parties, which is the proof that a category may demand.
    """
    data = {"mediation_id": str(at.mediation.id)}
    if at.case.state not in MEDIABLE:
        await move(session, at.case, Move("mediation_agreed", "system", data=data))
        return
    now = await move(session, at.case, Move(Action.RESOLVE, "system", State.RESOLVED, data=data))
    await publish(session, subject_of(at.case), CaseResolved(case_id=at.case.id, resolved_at=now))


async def decline_draft(session: WriteSession, caller: Principal, at: At, wanted: DeclineDraftIn) -> None:
    """Hear that a party does not sign this text; the talks go on.

    Raises:
        OtherRevision: the text is another by now.
    """
    _is_this_text(at, wanted.revision)
    said = await speaking(session, caller, at, wanted)
    data = {"party_id": str(said.party.id), "revision": wanted.revision}
    await record(
        session,
        at.mediation,
        MediationAction.DECLINE_DRAFT,
        caller.actor,
        target=MediationState.UNDER_WAY,
        note=wanted.reason,
        data=data,
    )
    await tell_all(session, at.case, at.mediation, "mediation_draft_declined", actor=caller.actor)


async def _owed(session: WriteSession, caller: Principal, at: At, term_id: UUID) -> MediationTerm:
    """Return an obligation that the caller may judge.

    Raises:
        NotFound: no such obligation here.
        Forbidden: the caller owes it.
    """
    term = await repository.lock_term(session, at.mediation, term_id)
    if term is None:
        raise NotFound
    parties = await repository.parties_of(session, at.mediation.id)
    if any(party.id == term.debtor_id and party.person_id == caller.subject_id for party in parties):
        raise Forbidden(rule="not_ones_own_performance")
    return term


async def perform(session: WriteSession, caller: Principal, at: At, term_id: UUID, wanted: PerformIn) -> None:
    """Write down that an obligation was performed, in time or late; the last one fulfils the agreement.

    Raises:
        TermIsSettled: it was written down before.
    """
    term = await _owed(session, caller, at, term_id)
    if term.state == TermState.PERFORMED:
        raise TermIsSettled
    await _settle(session, caller, at, term, TermState.PERFORMED, wanted)
    data = {"term_id": str(term.id)}
    await record(session, at.mediation, MediationAction.PERFORM, caller.actor, note=wanted.note, data=data)
    terms = await repository.terms_of(session, at.mediation)
    if is_fulfilled(TermState(one.state) for one in terms):
        await record(session, at.mediation, "fulfil", "system", target=MediationState.FULFILLED)
        await tell_all(session, at.case, at.mediation, "mediation_fulfilled", actor=caller.actor, officers=True)


async def _settle(
    session: WriteSession,
    caller: Principal,
    at: At,
    term: MediationTerm,
    state: TermState,
    wanted: PerformIn | BreachIn,
) -> None:
    term.proof_id = await keep_proof(session, caller, at.mediation, wanted.proof_id)
    term.state, term.note = state.value, wanted.note
    term.settled_by, term.settled_at = caller.actor, utc_now()


async def record_breach(session: WriteSession, caller: Principal, at: At, term_id: UUID, wanted: BreachIn) -> None:
    """Write down that an obligation was not performed in time; the case is opened again.

    Raises:
        TermIsSettled: it was written down before.
        NotDueYet: its day has not passed.
    """
    term = await _owed(session, caller, at, term_id)
    if term.state != TermState.DUE:
        raise TermIsSettled
    if today() <= term.due_on:
        raise NotDueYet(due_on=term.due_on.isoformat())
    await _settle(session, caller, at, term, TermState.BREACHED, wanted)
    await record(
        session,
        at.mediation,
        MediationAction.BREACH,
        caller.actor,
        target=MediationState.BREACHED,
        note=wanted.note,
        data={"term_id": str(term.id)},
    )
    await _reopen_case(session, at)
    await tell_all(session, at.case, at.mediation, "mediation_breached", actor=caller.actor, officers=True)


async def _reopen_case(session: WriteSession, at: At) -> None:
    """Open the case again, unless it is open, or has ended by a word that an agreement does not take back."""
    again = Move("mediation_breached", "system", data={"mediation_id": str(at.mediation.id)})
    case = at.case
    if case.state == State.RESOLVED or (case.state == State.CLOSED and case.outcome not in _FINAL):
        await open_again(session, case, again, None)
        return
    await move(session, case, again)


async def apply_to_court(session: WriteSession, caller: Principal, at: At, wanted: ApplicationIn) -> None:
    """Write down that the parties, together, have asked a court to confirm their agreement (art. 33).

    Raises:
        TooLateForCourt: after the last day.
        DueInThePast: before the agreement took effect.
    """
    last = at.mediation.confirm_until
    effective_at = at.mediation.effective_at
    if last is not None and wanted.applied_on > last:
        raise TooLateForCourt(confirm_until=last.isoformat())
    if effective_at is not None and not _china(effective_at) <= wanted.applied_on <= today():
        raise DueInThePast(pointer="/applied_on")
    await keep_proof(session, caller, at.mediation, wanted.proof_id)
    at.mediation.confirmation = Confirmation.APPLIED.value
    at.mediation.applied_on, at.mediation.court = wanted.applied_on, wanted.court
    await record(session, at.mediation, MediationAction.APPLY, caller.actor, data={"court": wanted.court})
    await tell_all(session, at.case, at.mediation, "mediation_applied", actor=caller.actor)


def _china(at: datetime) -> date:
    return at.astimezone(CHINA).date()


async def record_ruling(session: WriteSession, caller: Principal, at: At, wanted: RulingIn) -> None:
    """Write down what the court has ruled; a confirmed agreement can be enforced.

    Raises:
        DueInThePast: a ruling before it was asked for, or after today.
    """
    applied_on = at.mediation.applied_on
    if applied_on is not None and not applied_on <= wanted.ruled_on <= today():
        raise DueInThePast(pointer="/ruled_on")
    await keep_proof(session, caller, at.mediation, wanted.proof_id)
    ruling = Confirmation.CONFIRMED if wanted.confirmed else Confirmation.REJECTED
    at.mediation.confirmation = ruling.value
    at.mediation.ruling_number, at.mediation.ruled_on = wanted.number, wanted.ruled_on
    data = {"confirmation": ruling.value, "number": wanted.number}
    await record(session, at.mediation, MediationAction.RULING, caller.actor, data=data)
    kind = "mediation_confirmed" if wanted.confirmed else "mediation_not_confirmed"
    await tell_all(session, at.case, at.mediation, kind, actor=caller.actor)


async def find_due(
    session: Session, *, after: tuple[date, UUID] | None, limit: int
) -> list[tuple[UUID, UUID, UUID, date]]:
    """Return of obligations that somebody is to be reminded of: case, mediation, obligation, and its day."""
    now = today()
    found = await repository.due_terms(session, now + REMIND_BEFORE, now, after=after, limit=limit)
    return [(case_id, term.mediation_id, term.id, term.due_on) for term, case_id in found]


async def remind(session: WriteSession, case_id: UUID, mediation_id: UUID, term_id: UUID) -> bool:
    """Remind whoever owes something that it is due soon; that it is overdue, everybody who takes part.

    Each is told once. Returns whether something was told: not when somebody is at the case, or has performed.
    """
    case: Case | None = await lock_case_if_free(session, case_id)
    if case is None:
        return False
    mediation = await repository.lock_mediation(session, mediation_id)
    term = await repository.lock_term(session, mediation, term_id)
    if term is None or term.state != TermState.DUE:
        return False
    reached = to_be_told(term.due_on, today(), term.told)
    if reached is None:
        return False
    term.told = reached
    day = term.due_on.isoformat()
    if reached is Told.OVERDUE:
        await tell_all(session, case, mediation, "mediation_overdue", officers=True, due_on=day)
        return True
    parties = await repository.parties_of(session, mediation_id)
    debtor = next(party.person_id for party in parties if party.id == term.debtor_id)
    # Whoever has no account is reminded by the mediator.
    heard = debtor if debtor is not None else mediation.mediator_id
    await tell_all(session, case, mediation, "mediation_due_soon", to=[heard] if heard else [], due_on=day)
    return True
