"""HTTP of offers and claims."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.intake.cases import repository as cases
from services.intake.cases.answers import begin, told
from services.intake.cases.schemas import CaseOut
from services.intake.cases.terms import Action
from services.intake.claims import repository, service
from services.intake.claims.schemas import ChooseIn, ClaimIn, ClaimsOut, OfferIn, OfferOut
from services.intake.claims.views import claims_out
from shared.auth import Principal, Role, authenticated, requires
from shared.problems import NotFound
from shared.web import ExpectedVersion, Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["claims 认领"])

UnitStaff = Annotated[Principal, Depends(requires(Role.UNIT_STAFF))]
Convenor = Annotated[Principal, Depends(requires(Role.CONVENOR, Role.OFFICER, Role.SECRETARY))]


@router.get("/v1/cases/{case_id}/claims", summary="Offers and claims 认领意向与认领")
async def read_claims(
    caller: Annotated[Principal, Depends(authenticated)], session: Reading, case_id: UUID
) -> ClaimsOut:
    """Return who would take the case, who holds it, and who held it."""
    if await cases.find_case(session, caller, case_id) is None:
        raise NotFound
    return claims_out(
        await repository.offers_of(session, case_id),
        await repository.claims_of(session, case_id),
        await repository.helpers_of(session, case_id),
    )


@router.post("/v1/cases/{case_id}/claim", summary="Claim a case for a unit 认领")
async def claim_case(
    caller: UnitStaff, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: ClaimIn
) -> CaseOut:
    """Take a case for a unit of the caller's, until a due time. The claim is a lease that progress renews."""
    case = await begin(session, caller, case_id, Action.CLAIM, expected)
    await service.claim_case(session, caller, case, wanted)
    return await told(session, caller, case, response)


@router.post("/v1/cases/{case_id}/offers", status_code=201, summary="Offer to take a case 提出认领意向")
async def make_offer(
    caller: UnitStaff, session: Writing, response: Response, case_id: UUID, wanted: OfferIn
) -> OfferOut:
    """Say for a unit of the caller's by when and at what cost it would be done. Overwrites nothing."""
    case = await begin(session, caller, case_id, Action.OFFER, None)
    offer = await service.make_offer(session, caller, case, wanted)
    await session.flush()
    set_etag(response, case.version)
    return OfferOut.model_validate(offer)


@router.post("/v1/cases/{case_id}/offers/{offer_id}/withdraw", summary="Withdraw an offer 撤回认领意向")
async def withdraw_offer(
    caller: UnitStaff, session: Writing, response: Response, case_id: UUID, offer_id: UUID
) -> OfferOut:
    """Take an open offer back."""
    case = await begin(session, caller, case_id, Action.OFFER, None)
    offer = await service.withdraw_offer(session, caller, case, offer_id)
    await session.flush()
    set_etag(response, case.version)
    return OfferOut.model_validate(offer)


@router.post("/v1/cases/{case_id}/choose", summary="Choose an offer 择定认领单位")
async def choose_offer(
    caller: Convenor, session: Writing, response: Response, expected: ExpectedVersion, case_id: UUID, wanted: ChooseIn
) -> CaseOut:
    """Give the case to one of the units that offered; others may help."""
    case = await begin(session, caller, case_id, Action.CHOOSE, expected)
    await service.choose_offer(session, caller, case, wanted)
    return await told(session, caller, case, response)
