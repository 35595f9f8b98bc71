"""From mediations to representations. A sealed contact is never part of one."""

from services.intake.mediation.models import Mediation, MediationParty
from services.intake.mediation.schemas import (
    AgreementOut,
    MediationOut,
    MediationSummary,
    PartyOut,
    SessionOut,
    SignatureOut,
    TermOut,
)
from services.intake.mediation.viewing import MediationView

__all__ = ["mediation_out", "summary_out"]


def summary_out(mediation: Mediation) -> MediationSummary:
    """Show a line of a list."""
    return MediationSummary.model_validate(mediation)


def _party_out(party: MediationParty) -> PartyOut:
    plain = {name: getattr(party, name) for name in PartyOut.model_fields if name != "has_contact"}
    return PartyOut.model_validate({**plain, "has_contact": party.contact is not None})


def _agreement_out(view: MediationView) -> AgreementOut | None:
    if view.agreement is None:
        return None
    plain = [name for name in AgreementOut.model_fields if name not in {"terms", "signatures"}]
    return AgreementOut.model_validate(
        {
            **{name: getattr(view.agreement, name) for name in plain},
            "terms": [TermOut.model_validate(term) for term in view.terms],
            "signatures": [SignatureOut.model_validate(one) for one in view.signatures],
        }
    )


def mediation_out(view: MediationView) -> MediationOut:
    """Show a mediation with what its reader may do next."""
    return MediationOut.model_validate(
        {
            **summary_out(view.mediation).model_dump(),
            "parties": [_party_out(party) for party in view.parties],
            "sessions": [SessionOut.model_validate(one) for one in view.sessions],
            "agreement": _agreement_out(view),
            "next_actions": view.next_actions,
        }
    )
