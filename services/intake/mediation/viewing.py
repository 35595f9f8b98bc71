"""What those who take part see of a mediation, gathered."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.intake.mediation import repository
from services.intake.mediation.models import (
    Mediation,
    MediationAgreement,
    MediationParty,
    MediationSession,
    MediationSignature,
    MediationTerm,
)
from services.intake.mediation.recording import facts_of
from services.intake.mediation.rules import STEPS
from shared.auth import Principal
from shared.db import Session
from shared.steps import NextActionOut, next_actions

__all__ = ["MediationView", "view_mediation"]


@dataclass(frozen=True, slots=True)
class MediationView:
    """A mediation with what its representation needs beside the row."""

    mediation: Mediation
    parties: Sequence[MediationParty]
    sessions: Sequence[MediationSession]
    agreement: MediationAgreement | None
    terms: Sequence[MediationTerm]
    signatures: Sequence[MediationSignature]
    next_actions: list[NextActionOut]


async def view_mediation(session: Session, caller: Principal, mediation: Mediation) -> MediationView:
    """Gather what a caller sees of a mediation that it may know of."""
    parties = await repository.parties_of(session, mediation.id)
    return MediationView(
        mediation=mediation,
        parties=parties,
        sessions=await repository.sessions_of(session, mediation.id),
        agreement=await repository.agreement_of(session, mediation),
        terms=await repository.terms_of(session, mediation),
        signatures=await repository.signatures_of(session, mediation),
        next_actions=next_actions(STEPS, facts_of(mediation, parties), caller),
    )
