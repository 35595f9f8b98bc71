"""HTTP of the tenant: there is one, the caller's own."""

from typing import Annotated

from fastapi import Depends, Response

from services.directory.tenants import service
from services.directory.tenants.schemas import TenantInput, TenantView
from shared.auth import Principal, Role, authenticated, requires
from shared.web import Reading, Writing, service_router, set_etag

__all__ = ["router"]

router = service_router(tags=["tenant"])


@router.put("/v1/tenant", responses={201: {"model": TenantView}})
async def put_tenant(
    wanted: TenantInput,
    session: Writing,
    response: Response,
    _caller: Annotated[Principal, Depends(requires(Role.OPERATOR))],
) -> TenantView:
    """Set up or change the caller's tenant 建立或修改本区县."""
    tenant, created = await service.put_tenant(session, wanted)
    response.status_code = 201 if created else 200
    set_etag(response, tenant.version)
    return tenant


@router.get("/v1/tenant")
async def get_tenant(
    session: Reading, response: Response, _caller: Annotated[Principal, Depends(authenticated)]
) -> TenantView:
    """Read the caller's tenant 查看本区县."""
    tenant = await service.read_tenant(session)
    set_etag(response, tenant.version)
    return tenant
