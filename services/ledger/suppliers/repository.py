"""SQL of suppliers."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from services.ledger.suppliers.models import Supplier
from shared.db import Session, WriteSession

__all__ = ["find_by_code", "find_supplier", "list_suppliers", "lock_supplier"]


async def find_supplier(session: Session, supplier_id: UUID) -> Supplier | None:
    """Return a supplier."""
    return await session.scalar(
        select(Supplier).where(Supplier.tenant_id == session.tenant, Supplier.id == supplier_id)
    )


async def lock_supplier(session: WriteSession, supplier_id: UUID) -> Supplier | None:
    """Return a supplier and keep others from changing it meanwhile."""
    statement = select(Supplier).where(Supplier.tenant_id == session.tenant, Supplier.id == supplier_id)
    return await session.scalar(statement.with_for_update())


async def find_by_code(session: Session, credit_code: str) -> Supplier | None:
    """Return the supplier of a credit code."""
    return await session.scalar(
        select(Supplier).where(Supplier.tenant_id == session.tenant, Supplier.credit_code == credit_code)
    )


async def list_suppliers(session: Session, *, after: UUID | None, limit: int) -> Sequence[Supplier]:
    """Return suppliers, the newest first."""
    statement = select(Supplier).where(Supplier.tenant_id == session.tenant)
    if after is not None:
        statement = statement.where(Supplier.id < after)
    return (await session.scalars(statement.order_by(Supplier.id.desc()).limit(limit))).all()
