"""Setting a tenant up, and reading its clock."""

from datetime import date

from services.directory.tenants import repository
from services.directory.tenants.models import Tenant
from services.directory.tenants.problems import TenantMissing
from services.directory.tenants.rules import day_in
from services.directory.tenants.schemas import BilingualName, TenantInput, TenantView
from shared.clock import utc_now
from shared.db import Session, WriteSession
from shared.problems import NotFound

__all__ = ["put_tenant", "read_tenant", "today"]


async def put_tenant(session: WriteSession, wanted: TenantInput) -> tuple[TenantView, bool]:
    """Make the session's tenant be what is wanted; returns it and whether it is new."""
    created = await repository.insert_tenant(
        session, name_zh=wanted.name.zh, name_en=wanted.name.en, time_zone=wanted.time_zone
    )
    tenant = await repository.find_tenant(session, lock=True)
    if tenant is None:
        raise TenantMissing
    values = {"name_zh": wanted.name.zh, "name_en": wanted.name.en, "time_zone": wanted.time_zone}
    if any(getattr(tenant, name) != value for name, value in values.items()):
        for name, value in values.items():
            setattr(tenant, name, value)
        tenant.version += 1
        await session.flush()
    return _view(tenant), created


async def read_tenant(session: Session) -> TenantView:
    """Return the session's tenant."""
    tenant = await repository.find_tenant(session)
    if tenant is None:
        raise NotFound
    return _view(tenant)


async def today(session: Session) -> date:
    """Return the date in the tenant's time zone; TenantMissing when it has not been set up."""
    tenant = await repository.find_tenant(session)
    if tenant is None:
        raise TenantMissing
    return day_in(tenant.time_zone, utc_now())


def _view(tenant: Tenant) -> TenantView:
    return TenantView(
        tenant=tenant.tenant_id,
        name=BilingualName(zh=tenant.name_zh, en=tenant.name_en),
        time_zone=tenant.time_zone,
        version=tenant.version,
        created_at=tenant.created_at,
    )
