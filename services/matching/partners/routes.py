"""HTTP of partners."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.matching.partners import repository, service
from services.matching.partners.rules import PartnerKind, PartnerState
from services.matching.partners.schemas import PartnerIn, PartnerOut, PartnerPatch, PartnerStepOut, ReapplyIn, VetIn
from services.matching.partners.views import partner_out
from shared.auth import Principal, Role, authenticated, requires
from shared.pagination import Page, Paging
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["partners 合伙人"])

Caller = Annotated[Principal, Depends(authenticated)]
Giver = Annotated[
    Principal,
    Depends(requires(Role.UNIT_STAFF, Role.PARTNER, Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)),
]
Officer = Annotated[Principal, Depends(requires(Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR))]


@router.post("/v1/partners", status_code=201, summary="Apply as a partner 申请成为合伙人")
async def apply_as_partner(caller: Giver, session: Writing, response: Response, wanted: PartnerIn) -> PartnerOut:
    """Let a unit offer things; an officer vets it first."""
    partner, is_new = await service.apply_as_partner(session, caller, wanted)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/v1/partners/{partner.id}"
    set_etag(response, partner.version)
    return partner_out(partner, caller)


@router.get("/v1/partners", summary="List partners 合伙人列表")
async def list_partners(
    caller: Caller,
    session: Reading,
    paging: Paging,
    state: PartnerState | None = None,
    kind: PartnerKind | None = None,
) -> Page[PartnerOut]:
    """Return the tenant's partners."""
    rows = await repository.list_partners(session, state=state, kind=kind, after=paging.after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.applied_at, row.id), view=lambda row: partner_out(row, caller))


@router.get("/v1/partners/{partner_id}", summary="Read a partner 合伙人详情")
async def read_partner(caller: Caller, session: Reading, response: Response, partner_id: UUID) -> PartnerOut:
    """Return one partner."""
    partner = await service.get_partner(session, partner_id)
    set_etag(response, partner.version)
    return partner_out(partner, caller)


@router.patch("/v1/partners/{partner_id}", summary="Change a partner 修改合伙人")
async def change_partner(
    caller: Giver,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    partner_id: UUID,
    wanted: PartnerPatch,
) -> PartnerOut:
    """Change what a partner may change of itself."""
    partner = await service.lock_partner(session, partner_id)
    check_version(expected, partner.version, partner_out(partner, caller))
    await service.change_partner(session, caller, partner, wanted)
    set_etag(response, partner.version)
    return partner_out(partner, caller)


@router.post("/v1/partners/{partner_id}/vet", summary="Vet a partner 审核合伙人")
async def vet_partner(
    caller: Officer, session: Writing, response: Response, expected: ExpectedVersion, partner_id: UUID, wanted: VetIn
) -> PartnerOut:
    """Let a partner's offers count, or stop them."""
    partner = await service.lock_partner(session, partner_id)
    check_version(expected, partner.version, partner_out(partner, caller))
    await service.vet_partner(session, caller, partner, wanted)
    set_etag(response, partner.version)
    return partner_out(partner, caller)


@router.post("/v1/partners/{partner_id}/reapply", summary="Ask again after a refusal 重新申请")
async def reapply_as_partner(
    caller: Giver,
    session: Writing,
    response: Response,
    expected: ExpectedVersion,
    partner_id: UUID,
    wanted: ReapplyIn,
) -> PartnerOut:
    """Let a refused partner apply once more, saying what has changed."""
    partner = await service.lock_partner(session, partner_id)
    check_version(expected, partner.version, partner_out(partner, caller))
    await service.reapply(session, caller, partner, wanted.note)
    set_etag(response, partner.version)
    return partner_out(partner, caller)


@router.get("/v1/partners/{partner_id}/steps", summary="History of a partner 合伙人历史")
async def read_partner_steps(caller: Giver, session: Reading, paging: Paging, partner_id: UUID) -> Page[PartnerStepOut]:
    """Return what was decided about a partner, the first step first."""
    service.must_speak_for(caller, await service.get_partner(session, partner_id))
    after = paging.after[0] if paging.after else 0
    rows = await repository.steps_of(session, partner_id, after=after, limit=paging.size + 1)
    return paging.page(rows, key=lambda row: (row.position,), view=PartnerStepOut.model_validate)
