"""How every step of a mediation is written down, and who hears of it.

The room is its own: parties, mediator and officers are told, and nobody else. Of the case's history only what moves the
case is part, without a word of what was said.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.intake.cases.models import Case
from services.intake.cases.telling import about
from services.intake.mediation import repository
from services.intake.mediation.models import Mediation, MediationParty, MediationProof, MediationStep
from services.intake.mediation.problems import UnknownProof
from services.intake.mediation.rules import OFFICERS
from services.intake.mediation.terms import OPEN, Confirmation, MediationFacts, MediationOutcome, MediationState
from services.intake.notifications.service import Told, tell
from shared.auth import Principal
from shared.clock import utc_now
from shared.db import WriteSession

__all__ = ["facts_of", "keep_proof", "record", "tell_all", "tell_officers"]

_OUTCOMES: Final = {
    MediationState.IN_EFFECT: MediationOutcome.AGREED,
    MediationState.FULFILLED: MediationOutcome.AGREED,
    MediationState.FAILED: MediationOutcome.FAILED,
    MediationState.WITHDRAWN: MediationOutcome.WITHDRAWN,
}


def facts_of(mediation: Mediation, parties: Sequence[MediationParty]) -> MediationFacts:
    """Return what the rules know of a mediation."""
    return MediationFacts(
        state=MediationState(mediation.state),
        area_path=mediation.area_path,
        mediator_id=mediation.mediator_id,
        declared=mediation.declared,
        persons=frozenset(party.person_id for party in parties if party.person_id is not None),
        sessions_held=mediation.sessions_held,
        confirmation=Confirmation(mediation.confirmation) if mediation.confirmation else None,
    )


async def record(
    session: WriteSession,
    mediation: Mediation,
    step: str,
    actor: str,
    *,
    target: MediationState | None = None,
    note: str | None = None,
    data: dict[str, Any] | None = None,
) -> datetime:
    """Take a step of a locked mediation: it moves, and the step is written.

    Returns:
        When. Never before the step that came before it, whatever the clocks of two machines say.
    """
    now = max(utc_now(), mediation.updated_at + timedelta(microseconds=1))
    mediation.updated_at = now
    mediation.version += 1
    if target is not None:
        mediation.state = target.value
        if target not in OPEN and mediation.outcome is None:
            mediation.outcome = _OUTCOMES[target].value
            mediation.ended_at = now
            mediation.effective_at = now if mediation.outcome == MediationOutcome.AGREED else None
    row = MediationStep(
        tenant_id=session.tenant,
        mediation_id=mediation.id,
        position=mediation.version,
        step=step,
        state=mediation.state,
        actor=actor,
        note=note,
        data=data or {},
        at=now,
    )
    session.add(row)
    await session.flush()
    return now


async def keep_proof(
    session: WriteSession, caller: Principal, mediation: Mediation, proof_id: UUID | None, pointer: str = "/proof_id"
) -> UUID | None:
    """Let one of the caller's uploads belong to a mediation.

    Raises:
        UnknownProof: it is not theirs, not found clean yet, or belongs to something already.
    """
    if proof_id is None:
        return None
    if not await repository.bind_proof(session, proof_id, caller.subject_id):
        raise UnknownProof(pointer=pointer)
    row = MediationProof(
        tenant_id=session.tenant,
        mediation_id=mediation.id,
        attachment_id=proof_id,
        kept_by=caller.actor,
        kept_at=utc_now(),
    )
    session.add(row)
    await session.flush()
    return proof_id


async def tell_all(
    session: WriteSession,
    case: Case,
    mediation: Mediation,
    kind: str,
    *,
    actor: str = "system",
    to: Collection[UUID] | None = None,
    officers: bool = False,
    **words: str,
) -> None:
    """Tell parties and mediator; whoever took the step knows. A party without an account is reached by an officer.

    Args:
        session: the transaction.
        case: the case, which every message names.
        mediation: the mediation.
        kind: the template.
        actor: who took the step.
        to: persons, when not everybody who takes part.
        officers: whether the officers of the area hear of it in any case.
        words: what the template takes beside.
    """
    parties = await repository.parties_of(session, mediation.id)
    everybody = {party.person_id for party in parties} | {mediation.mediator_id}
    people = sorted({person for person in (everybody if to is None else to) if person is not None})
    by_officer = officers or (to is None and any(party.person_id is None for party in parties))
    roles = [(role, mediation.area_path) for role in OFFICERS] if by_officer else []
    heard = [person for person in people if not actor.endswith(f"/{person}")]
    await tell(session, Told(kind, case.id, about(case) | words, people=heard, roles=roles))


async def tell_officers(session: WriteSession, case: Case, mediation: Mediation, kind: str, **words: str) -> None:
    """Tell the officers of the area alone."""
    await tell_all(session, case, mediation, kind, to=(), officers=True, **words)
