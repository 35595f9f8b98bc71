"""Statements on tenants."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.directory.locking import locked
from services.directory.tenants.models import Tenant
from shared.clock import utc_now
from shared.db import Session, WriteSession

__all__ = ["find_tenant", "insert_tenant"]


async def find_tenant(session: Session, *, lock: bool = False) -> Tenant | None:
    """Return the session's own tenant, when it has been set up."""
    statement = select(Tenant).where(Tenant.tenant_id == session.tenant)
    return (await session.scalars(locked(statement) if lock else statement)).one_or_none()


async def insert_tenant(session: WriteSession, *, name_zh: str, name_en: str, time_zone: str) -> bool:
    """Set the tenant up; False when it has been before."""
    statement = (
        insert(Tenant)
        .values(
            tenant_id=session.tenant,
            name_zh=name_zh,
            name_en=name_en,
            time_zone=time_zone,
            version=1,
            created_at=utc_now(),
        )
        .on_conflict_do_nothing()
        .returning(Tenant.tenant_id)
    )
    return (await session.execute(statement)).one_or_none() is not None
