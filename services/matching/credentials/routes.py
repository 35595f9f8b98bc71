"""HTTP of credentials."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from services.matching.credentials import repository, service
from services.matching.credentials.schemas import CredentialIn, CredentialOut
from services.matching.credentials.views import credential_out
from services.matching.partners.service import get_partner, must_speak_for
from shared.auth import Principal, Role, requires
from shared.vault import Purpose, VaultOfApp
from shared.web import ExpectedVersion, Reading, Writing, check_version, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["credentials 资质"])

Giver = Annotated[
    Principal,
    Depends(requires(Role.UNIT_STAFF, Role.PARTNER, Role.OFFICER, Role.SECRETARY, Role.ADMINISTRATOR)),
]


@router.post("/v1/partners/{partner_id}/credentials", status_code=201, summary="Register a licence 登记资质")
async def add_credential(
    caller: Giver, session: Writing, response: Response, vault: VaultOfApp, partner_id: UUID, wanted: CredentialIn
) -> CredentialOut:
    """Register a licence of a partner; its number is sealed."""
    partner = await get_partner(session, partner_id)
    credential, is_new = await service.add_credential(session, caller, partner, wanted, vault)
    response.status_code = 201 if is_new else 200
    set_etag(response, credential.version)
    return credential_out(credential, vault)


@router.get("/v1/partners/{partner_id}/credentials", summary="Licences of a partner 资质列表")
async def list_credentials(caller: Giver, session: Reading, vault: VaultOfApp, partner_id: UUID) -> list[CredentialOut]:
    """Return a partner's licences to itself and to officers, their numbers masked."""
    must_speak_for(caller, await get_partner(session, partner_id))
    return [credential_out(row, vault) for row in await repository.credentials_of(session, partner_id)]


@router.get("/v1/partners/{partner_id}/credentials/{credential_id}", summary="Read a licence 资质详情")
async def read_credential(
    caller: Giver,
    session: Writing,
    response: Response,
    vault: VaultOfApp,
    partner_id: UUID,
    credential_id: UUID,
    purpose: Purpose = None,
) -> CredentialOut:
    """Return one licence; with a purpose its number is shown in the clear, which is written down."""
    credential = await service.get_credential(session, caller, partner_id, credential_id)
    if purpose is not None:
        await service.view_number(session, caller, credential, purpose)
    set_etag(response, credential.version)
    return credential_out(credential, vault, clear=purpose is not None)


@router.post("/v1/partners/{partner_id}/credentials/{credential_id}/withdraw", summary="Withdraw a licence 撤下资质")
async def withdraw_credential(
    caller: Giver,
    session: Writing,
    response: Response,
    vault: VaultOfApp,
    expected: ExpectedVersion,
    partner_id: UUID,
    credential_id: UUID,
) -> CredentialOut:
    """Take a licence off; a renewed one is registered anew."""
    credential = await service.lock_credential(session, caller, partner_id, credential_id)
    check_version(expected, credential.version, credential_out(credential, vault))
    await service.withdraw(session, credential)
    set_etag(response, credential.version)
    return credential_out(credential, vault)
