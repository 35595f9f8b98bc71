"""From offers and claims to representations."""

from collections.abc import Sequence

from services.intake.claims.models import Claim, ClaimHelper, ClaimOffer
from services.intake.claims.schemas import ClaimOut, ClaimsOut, HelperOut, OfferOut

__all__ = ["claims_out"]


def claims_out(offers: Sequence[ClaimOffer], claims: Sequence[Claim], helpers: Sequence[ClaimHelper]) -> ClaimsOut:
    """Show who would take a case, who holds it, and who helps."""
    plain = [name for name in ClaimOut.model_fields if name != "helpers"]
    return ClaimsOut(
        offers=[OfferOut.model_validate(offer) for offer in offers],
        claims=[
            ClaimOut.model_validate(
                {
                    **{name: getattr(claim, name) for name in plain},
                    "helpers": [HelperOut.model_validate(one) for one in helpers if one.claim_id == claim.id],
                }
            )
            for claim in claims
        ],
    )
